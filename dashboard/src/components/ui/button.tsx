import type { ComponentProps } from 'react';
import { Slot } from 'radix-ui';
import { classNames } from '@/lib/class-names';

const KINDS = {
  primary: 'bg-accent text-accent-ink hover:opacity-90',
  secondary: 'border border-line bg-surface text-ink hover:bg-sunken',
  quiet: 'text-ink-soft hover:bg-sunken hover:text-ink',
  danger: 'border border-line bg-surface text-bad hover:bg-bad-soft',
};
const SIZES = { medium: 'h-9 px-3.5 gap-2', small: 'h-8 px-2.5 gap-1.5 text-[0.8125rem]', icon: 'size-9' };

export interface ButtonProps extends ComponentProps<'button'> {
  kind?: keyof typeof KINDS;
  size?: keyof typeof SIZES;
  /** Gives its looks to its only child, such as a link. */
  asChild?: boolean;
}

export function Button({ kind = 'secondary', size = 'medium', asChild = false, className, ...props }: ButtonProps) {
  const looks = classNames(
    'inline-flex shrink-0 items-center justify-center rounded-lg font-medium whitespace-nowrap transition-colors',
    'disabled:cursor-not-allowed disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0',
    KINDS[kind],
    SIZES[size],
    className,
  );
  if (asChild) return <Slot.Root className={looks} {...props} />;
  return <button type="button" className={looks} {...props} />;
}
