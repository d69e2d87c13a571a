import { execFileSync } from 'node:child_process';
import { curlOf } from './curl';

describe('a request as a curl command', () => {
  it('hands each part to curl as it is, whatever a shell would make of it', () => {
    const body = `{"a":"it's $(touch /tmp/x) \`id\` \\"quoted\\" \\n"}`;
    const command = curlOf({
      url: 'https://example.com/a?b=c&d=$HOME',
      headers: { 'webhook-id': "o'clock", Host: 'example.com', 'Content-Length': '9' },
      body,
    });
    const seen = execFileSync('/bin/sh', ['-c', `curl() { printf '%s\\0' "$@"; }\n${command}`], { encoding: 'utf8' });
    expect(seen.split('\0').slice(0, -1)).toEqual([
      '-X',
      'POST',
      'https://example.com/a?b=c&d=$HOME',
      '-H',
      "webhook-id: o'clock",
      '--data-binary',
      body,
    ]);
  });
});
