import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LANGUAGES, type Language } from '../../dashboard/src/pages/endpoints/snippets/common.js';
import { SNIPPETS } from '../../dashboard/src/pages/endpoints/snippets/snippets.js';
import { signatureHeaders, type SignatureScheme } from '../../src/signing/signature.js';
import { generateSecret, publicKeyOf } from '../../src/signing/webhook-secret.js';
import { makeTempFolder } from '../support/temp-folder.js';

type Headers = Record<string, string>;
interface Case {
  what: string;
  headers: Headers;
  body: string;
  expected: boolean;
}

/** How each language calls `verify` with the headers and body of each case, and prints `true` or `false` on a line. */
interface Runner {
  snippet: string;
  /** Files beside the snippet's. */
  files: (cases: readonly Case[]) => Record<string, string>;
  run: string[];
  /** Succeed where the language, and what a scheme asks of it beside that, are there. */
  probe: string[];
  ed25519Probe?: string[];
}

const BODY = '{"data":"ünïcode <script>"}';
const quoted = (text: string): string => JSON.stringify(text);
const pairs = (headers: Headers, between: string): string =>
  Object.entries(headers)
    .map(([name, value]) => `${quoted(name)}${between}${quoted(value)}`)
    .join(', ');
const eachCase = (cases: readonly Case[], call: (headers: Headers, body: string) => string): string =>
  cases.map(({ headers, body }) => call(headers, quoted(body))).join('\n');

const RUNNERS: Record<Language, Runner> = {
  'Node.js': {
    snippet: 'verify.mjs',
    files: (cases) => ({
      'main.mjs': `import { verify } from './verify.mjs';
        ${eachCase(cases, (headers, body) => `console.log(verify({${pairs(headers, ': ')}}, Buffer.from(${body})));`)}`,
    }),
    run: [process.execPath, 'main.mjs'],
    probe: [process.execPath, '--version'],
  },
  Python: {
    snippet: 'verify_webhook.py',
    files: (cases) => ({
      'main.py': `from verify_webhook import verify
${eachCase(cases, (headers, body) => `print(str(verify({${pairs(headers, ': ')}}, ${body}.encode())).lower())`)}`,
    }),
    run: ['python3', 'main.py'],
    probe: ['python3', '--version'],
    ed25519Probe: ['python3', '-c', 'import cryptography.hazmat.primitives.asymmetric.ed25519'],
  },
  Go: {
    snippet: 'verify.go',
    files: (cases) => ({
      'go.mod': 'module webhook\n\ngo 1.19\n',
      'verify_test.go': `package webhook

import ("fmt"; "net/http"; "testing")

func try(headers map[string]string, body string) {
	header := http.Header{}
	for name, value := range headers { header.Set(name, value) }
	fmt.Println(Verify(header, []byte(body)))
}

func TestVerify(t *testing.T) {
${eachCase(cases, (headers, body) => `try(map[string]string{${pairs(headers, ': ')}}, ${body})`)}
}`,
    }),
    run: ['go', 'test', '-v', './...'],
    probe: ['go', 'version'],
  },
  Ruby: {
    snippet: 'verify.rb',
    files: (cases) => ({
      'main.rb': `require_relative "verify"
${eachCase(cases, (headers, body) => `puts verify({${pairs(headers, ' => ')}}, ${body})`)}`,
    }),
    run: ['ruby', 'main.rb'],
    probe: ['ruby', '--version'],
    ed25519Probe: ['ruby', '-ropenssl', '-e', 'exit OpenSSL::VERSION.to_i >= 3'],
  },
  PHP: {
    snippet: 'verify.php',
    files: (cases) => ({
      'main.php': `<?php declare(strict_types=1); require 'verify.php';
${eachCase(cases, (headers, body) => `echo verify([${pairs(headers, ' => ')}], ${body}) ? "true\\n" : "false\\n";`)}`,
    }),
    run: ['php', 'main.php'],
    probe: ['php', '--version'],
    ed25519Probe: ['php', '-r', "exit(extension_loaded('sodium') ? 0 : 1);"],
  },
  Java: {
    snippet: 'WebhookVerifier.java',
    files: (cases) => ({
      'Main.java': `import java.nio.charset.StandardCharsets;
        import java.util.Map;
        public class Main { public static void main(String[] a) throws Exception {
        ${eachCase(
          cases,
          (headers, body) =>
            `System.out.println(WebhookVerifier.verify(Map.of(${pairs(headers, ', ')}), ${body}.getBytes(StandardCharsets.UTF_8)));`,
        )}
        } }`,
    }),
    run: ['sh', '-c', 'javac -encoding UTF-8 Main.java WebhookVerifier.java && java -cp . Main'],
    probe: ['javac', '-version'],
    ed25519Probe: ['javac', '--release', '15', '-version'],
  },
};

const SECRETS: Record<SignatureScheme, () => string> = {
  standard: () => generateSecret('standard'),
  'standard-ed25519': () => generateSecret('standard-ed25519'),
  // Its text is taken as it is, and may hold what each of the languages reads as something else.
  sha256: () => `it's "a" #{secret} #$0 $key \\n \\u0041 \\ ?> </script> ${generateSecret('sha256')}`,
};

/** A signature that is of the scheme's kind, and one that isn't even that, before those which are there. */
const FOREIGN: Record<SignatureScheme, string> = {
  standard: `v1,${'A'.repeat(43)}= v1,é v2,AAAA v1 `,
  'standard-ed25519': `v1a,${'A'.repeat(86)}== v1a,é v1a,AAAA v1,AAAA v1a `,
  sha256: '',
};

/** What is sent to a receiver that has the secret, and what is not. */
function casesOf(scheme: SignatureScheme, secret: string): Case[] {
  const header = scheme === 'sha256' ? 'x-webhook-signature' : 'webhook-signature';
  const other = SECRETS[scheme]();
  const now = Math.floor(Date.now() / 1_000);
  const signed = (secrets: readonly string[], timestampSeconds = now): Headers =>
    signatureHeaders({ scheme, secrets, id: 'msg_1', timestampSeconds, body: Buffer.from(BODY) });
  const changed = (change: (value: string) => string): Headers => {
    const headers = signed([secret]);
    return { ...headers, [header]: change(headers[header] ?? '') };
  };
  const without = (name: string): Headers =>
    Object.fromEntries(Object.entries(signed([secret])).filter(([each]) => each !== name));
  const good = (what: string, headers: Headers): Case => ({ what, headers, body: BODY, expected: true });
  const bad = (what: string, headers: Headers): Case => ({ what, headers, body: BODY, expected: false });

  const cases = [
    good('as it is sent', signed([secret])),
    good('rotated, by a receiver that has the new secret', signed([secret, other])),
    good('rotated, by a receiver that has the old secret', signed([other, secret])),
    good('rotated twice', signed([other, SECRETS[scheme](), secret])),
    good(
      'beside others',
      changed((value) => FOREIGN[scheme] + value),
    ),
    { ...bad('another body', signed([secret])), body: `${BODY} ` },
    bad('another secret', signed([other])),
    bad('rotated, two other secrets', signed([other, SECRETS[scheme]()])),
    bad(
      'others alone',
      changed(() => FOREIGN[scheme]),
    ),
    bad(
      'no text',
      changed(() => 'é'),
    ),
    bad(
      'without its prefix',
      changed((value) => value.replace(/^.*?[,=]/, '')),
    ),
    bad('no signature', without(header)),
    bad('no headers', {}),
  ];
  if (scheme === 'sha256') return cases;
  return [
    ...cases,
    bad('old', signed([secret], now - 400)),
    bad('of the future', signed([secret], now + 400)),
    bad('another timestamp', { ...signed([secret]), 'webhook-timestamp': String(now + 1) }),
    bad('no time', { ...signed([secret]), 'webhook-timestamp': 'now' }),
    bad('another id', { ...signed([secret]), 'webhook-id': 'msg_2' }),
    bad('no id', without('webhook-id')),
    bad('no timestamp', without('webhook-timestamp')),
  ];
}

function verdictsOf(runner: Runner, snippet: string, cases: readonly Case[]): string[] {
  const folder = makeTempFolder();
  try {
    const files = { ...runner.files(cases), [runner.snippet]: snippet };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    const [command = '', ...args] = runner.run;
    const { stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    const said = stdout.match(/^(true|false)$/gm) ?? [];
    if (said.length !== cases.length) throw new Error(`${stdout}${stderr}`);
    return said;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const succeeds = ([program = '', ...args]: string[]): boolean => spawnSync(program, args).status === 0;

/** Undefined where it can run. */
function reasonToSkip({ probe, ed25519Probe }: Runner, scheme: SignatureScheme): string | undefined {
  if (!succeeds(probe)) return 'it is not on this machine';
  if (scheme === 'standard-ed25519' && ed25519Probe !== undefined && !succeeds(ed25519Probe)) {
    return 'it has no Ed25519 on this machine';
  }
  return undefined;
}

describe('the snippets that the dashboard shows', () => {
  for (const scheme of ['standard', 'standard-ed25519', 'sha256'] as const) {
    describe(`for ${scheme}`, () => {
      it('are for the languages that people ask for', () => {
        expect(SNIPPETS[scheme].map(({ language }) => language)).toEqual(LANGUAGES);
      });

      for (const { language, render } of SNIPPETS[scheme]) {
        const runner = RUNNERS[language];
        const skipped = reasonToSkip(runner, scheme);
        (skipped === undefined ? it : it.skip)(
          `verify in ${language}${skipped === undefined ? '' : ` (skipped: ${skipped})`}`,
          () => {
            const secret = SECRETS[scheme]();
            const key = scheme === 'standard-ed25519' ? publicKeyOf(secret) : secret;
            const cases = casesOf(scheme, secret);
            const verdicts = verdictsOf(runner, render(key), cases);
            expect(cases.map(({ what }, n) => `${what}: ${verdicts[n]}`)).toEqual(
              cases.map(({ what, expected }) => `${what}: ${expected}`),
            );
          },
          180_000,
        );
      }
    });
  }
});
