import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { errorAt, Form } from '@/components/form';
import { NewKey } from './create-key-form';
import { SecondsField } from './seconds-field';

const OVERLAPS: Record<number, string> = {
  0: 'Not at all: it ends at once',
  3_600: 'An hour',
  86_400: 'A day',
  604_800: 'A week',
};

interface RotateKeyFormProps {
  apiKey: Schemas['ApiKeyDto'];
  onChanged: () => void;
  onClose: () => void;
}

export function RotateKeyForm({ apiKey, onChanged, onClose }: RotateKeyFormProps) {
  const [overlapSeconds, setOverlapSeconds] = useState(86_400);
  const rotate = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/api-keys/{id}/rotate', {
          params: { path: { id: apiKey.id } },
          body: { overlap_seconds: overlapSeconds },
        }),
      ),
    onSuccess: onChanged,
  });
  if (rotate.data !== undefined) return <NewKey apiKey={rotate.data.key} onClose={onClose} />;
  return (
    <Form mutation={rotate} submit="Rotate it">
      <SecondsField
        label="The old key lives on for"
        error={errorAt(rotate, 'overlap_seconds')}
        choices={OVERLAPS}
        value={overlapSeconds}
        onChange={setOverlapSeconds}
      />
    </Form>
  );
}
