import { useState } from 'react';
import { Problem } from '@/api/problem';
import { useToasts } from '@/components/ui/toasts';
import { ACTIONS, actOn, type LetterAction } from './letter-actions';

export interface EachProgress {
  action: LetterAction;
  done: number;
  total: number;
}

/** One dead letter after the other: each may have an obstacle of its own, which doesn't hold up the others. */
export function useEach(onChanged: () => void): {
  progress: EachProgress | null;
  run: (action: LetterAction, ids: readonly string[]) => Promise<void>;
} {
  const { tell, tellProblem } = useToasts();
  const [progress, setProgress] = useState<EachProgress | null>(null);

  async function run(action: LetterAction, ids: readonly string[]): Promise<void> {
    const problems: unknown[] = [];
    for (const [index, id] of ids.entries()) {
      setProgress({ action, done: index, total: ids.length });
      await actOn(action, id).catch((error: unknown) => problems.push(error));
    }
    setProgress(null);
    const done = ids.length - problems.length;
    if (done > 0) tell(`${done} ${ACTIONS[action].done}.`);
    const [first] = problems;
    if (first !== undefined) {
      const { status, code, message } = Problem.from(first);
      tellProblem(problems.length === 1 ? first : new Problem(status, code, `${problems.length} were not: ${message}`));
    }
    onChanged();
  }
  return { progress, run };
}
