import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { join } from 'node:path';
import { defineConfig } from 'vite';

/** Where `npm run dev` finds an API to talk to. */
const API = 'http://127.0.0.1:3000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': join(import.meta.dirname, 'src') } },
  build: {
    outDir: join(import.meta.dirname, '../dist/dashboard'),
    emptyOutDir: true,
    // The content-security policy allows no `data:` scripts or styles; small files stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In the reader's words: sizes after gzip are what the first load is held to.
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': API, '/docs': API, '/queues': API } },
});
