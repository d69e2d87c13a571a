import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Form } from './form';
import { Button } from './ui/button';
import { Dialog } from './ui/dialog';
import { Field, Input } from './ui/field';

interface AskedProps {
  onClose: () => void;
  /** What is done, as the button says it. */
  action: string;
  run: () => Promise<unknown>;
  onDone: () => void;
  /** To be typed first, where there is no way back. */
  typed?: string;
}

interface ConfirmDialogProps extends AskedProps {
  open: boolean;
  title: string;
  /** What comes of it. */
  children: ReactNode;
}

/** Asks before something that hurts. */
export function ConfirmDialog({ open, title, children, ...asked }: ConfirmDialogProps) {
  return (
    <Dialog open={open} onOpenChange={(isOpen) => isOpen || asked.onClose()} title={title} description={children}>
      <Asked {...asked} />
    </Dialog>
  );
}

/** There only while it is asked, so that an earlier answer's failure is forgotten. */
function Asked({ onClose, action, run, onDone, typed }: AskedProps) {
  const [text, setText] = useState('');
  const mutation = useMutation({ mutationFn: run, onSuccess: onDone });
  return (
    <Form
      mutation={mutation}
      submit={action}
      kind="danger"
      disabled={typed !== undefined && text.trim() !== typed.trim()}
      aside={
        <Button kind="quiet" onClick={onClose}>
          Keep it as it is
        </Button>
      }
    >
      {typed !== undefined && (
        <Field label={`Type “${typed}” to go on`}>
          {(attributes) => (
            <Input
              {...attributes}
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={({ target }) => setText(target.value)}
            />
          )}
        </Field>
      )}
    </Form>
  );
}
