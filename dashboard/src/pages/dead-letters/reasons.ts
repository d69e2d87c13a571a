import type { Schemas } from '@/api/client';

export type Reason = Schemas['DeadLetterSummaryDto']['reason'];

export const REASONS: Record<Reason, string> = {
  attempts_exhausted: 'All attempts failed',
  gone: 'Answered 410 Gone',
  endpoint_disabled: 'Endpoint disabled',
  address_refused: 'Address not allowed',
  expired: 'Too old',
};

export const isReason = (text: string | undefined): text is Reason => text !== undefined && text in REASONS;
