import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Problem } from '@/api/problem';
import { useToasts } from './ui/toasts';
import { Button } from './ui/button';

interface CopyButtonProps {
  label: string;
  text: () => string;
}

export function CopyButton({ label, text }: CopyButtonProps) {
  const { tellProblem } = useToasts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button size="small" onClick={() => void write(text()).then(() => setCopied(true), tellProblem)}>
      {copied ? <Check /> : <Copy />}
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </Button>
  );
}

/** @throws Problem where the browser refuses, as it does where the page came without TLS and not from this machine */
async function write(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Problem(0, 'no_clipboard', "The browser doesn't let this page copy. Mark the text and copy it by hand.");
  }
}

/** Text that came from elsewhere: shown as it is, never as markup. */
export function CodeBlock({ label, text }: { label: string; text: string }) {
  return (
    <pre
      tabIndex={0}
      role="region"
      aria-label={label}
      className="max-h-96 w-full overflow-auto rounded-lg border border-line bg-sunken p-3 font-mono text-xs leading-5 break-words whitespace-pre-wrap"
    >
      {text}
    </pre>
  );
}
