import { classNames } from '@/lib/class-names';

export function Logo({ className }: { className?: string }) {
  return (
    <span className={classNames('flex items-center gap-2.5 font-semibold tracking-tight', className)}>
      <img src="/favicon.svg" alt="" className="size-7" />
      Posthaste
    </span>
  );
}
