// Before the first paint, so that nobody who reads in the dark sees a white flash. A file of its own: the page runs no inline script.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem('posthaste-theme');
  } catch {
    // Storage may be forbidden: then the system decides.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', dark);
})();
