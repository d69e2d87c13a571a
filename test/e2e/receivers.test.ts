import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import { DELIVERED_BODY, signedHeaders } from '../support/signed-request.js';
import { makeTempFolder } from '../support/temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The one block of code in this language that verifies without a library. */
function codeIn(language: string, page: string): string {
  const blocks = [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))]
    .map((match) => match[1] ?? '')
    .filter((block) => /[vV]erify\(/.test(block) && /sha256|SHA256/i.test(block));
  expect(blocks).toHaveLength(1);
  return blocks[0] ?? '';
}
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

const secret = generateSecret('standard');
const other = generateSecret('standard');
const body = DELIVERED_BODY;
const signed = (secrets = [secret], ageSeconds = 0): Record<string, string> => signedHeaders(secrets, ageSeconds);
const good = [signed(), signed([other, secret])];
const bad: Record<string, string>[] = [
  signed([other]),
  signed([secret], 301),
  { ...signed(), 'webhook-id': 'evt-2' },
  { ...signed(), 'webhook-signature': '' },
  { ...signed(), 'webhook-signature': 'é' },
  { ...signed(), 'webhook-timestamp': 'now' },
  { ...signed(), 'webhook-timestamp': '' },
];
/** The five arguments of each case; the last has another body. */
const cases = [
  ...[...good, ...bad].map((headers) => ({ headers, text: body })),
  { headers: signed(), text: `${body} ` },
].map(({ headers, text }) => [
  secret,
  headers['webhook-id'] ?? '',
  headers['webhook-timestamp'] ?? '',
  headers['webhook-signature'] ?? '',
  text,
]);
const verdicts = [...good.map(() => true), ...bad.map(() => false), false];

let folder: string;
beforeEach(() => {
  folder = makeTempFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
/** In base64, one argument a line, so that no language's own way of reading text plays a part. */
const lines = (): string =>
  cases.map((args) => args.map((arg) => Buffer.from(arg).toString('base64')).join('\n')).join('\n');
const verdictsOf = (program: string, args: string[]): boolean[] =>
  execFileSync(program, args, { encoding: 'utf8', input: `${lines()}\n`, cwd: folder, timeout: 60_000 })
    .trim()
    .split('\n')
    .map((line) => line === 'true');

const inLanguage = (name: string, isHere: boolean): jest.It => {
  if (!isHere) console.log(`No ${name}: its receiver is not tried.`);
  return isHere ? it : it.skip;
};

describe("docs/receiving.md's receivers take what is signed and refuse what is not", () => {
  inLanguage('PHP', has('php', '--version'))('in PHP', () => {
    const file = write(
      'verify.php',
      `<?php declare(strict_types=1);\n${codeIn('php', 'docs/receiving.md')}
       $lines = array_map('base64_decode', file('php://stdin', FILE_IGNORE_NEW_LINES));
       foreach (array_chunk($lines, 5) as $case) { echo verify(...$case) ? "true\\n" : "false\\n"; }`,
    );
    expect(verdictsOf('php', [file])).toEqual(verdicts);
  });

  inLanguage('Ruby', has('ruby', '--version'))('in Ruby', () => {
    const file = write(
      'verify.rb',
      `${codeIn('ruby', 'docs/receiving.md')}
       $stdin.each_line(chomp: true).map { |line| Base64.decode64(line) }.each_slice(5) { |args| puts verify(*args) }`,
    );
    expect(verdictsOf('ruby', [file])).toEqual(verdicts);
  });

  inLanguage('Java compiler', has('java', '--list-modules') && isCompilerThere())('in Java', () => {
    const code = codeIn('java', 'docs/receiving.md');
    const main = `
      final class Main {
        public static void main(String[] args) throws Exception {
          var lines = new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).lines()
              .map(line -> Base64.getDecoder().decode(line)).toList();
          for (int i = 0; i < lines.size(); i += 5) {
            var text = lines.subList(i, i + 4).stream().map(b -> new String(b, StandardCharsets.UTF_8)).toList();
            System.out.println(WebhookSignature.verify(text.get(0), text.get(1), text.get(2), text.get(3), lines.get(i + 4)));
          }
        }
      }
    `;
    // The class with the main method comes first.
    const file = write(
      'Main.java',
      code.replace('final class WebhookSignature', `${main}\nfinal class WebhookSignature`),
    );
    expect(verdictsOf('java', [file])).toEqual(verdicts);
  });

  inLanguage('Go', has('go', 'version'))('in Go', () => {
    const [imports = '', rest = ''] = codeIn('go', 'README.md').split(/(?<=^\)\n)/m);
    const main = `
      func main() {
        lines := [][]byte{}
        scanner := bufio.NewScanner(os.Stdin)
        for scanner.Scan() {
          line, _ := base64.StdEncoding.DecodeString(scanner.Text())
          lines = append(lines, line)
        }
        for i := 0; i+4 < len(lines); i += 5 {
          header := http.Header{}
          header.Set("webhook-id", string(lines[i+1]))
          header.Set("webhook-timestamp", string(lines[i+2]))
          header.Set("webhook-signature", string(lines[i+3]))
          fmt.Println(verify(string(lines[i]), header, lines[i+4]))
        }
      }
    `;
    const more = ['bufio', 'fmt', 'os'].filter((name) => !imports.includes(`"${name}"`));
    const source = `package main\n${imports.replace('import (', `import (\n${more.map((name) => `"${name}"`).join('\n')}\n`)}${rest}${main}`;
    write('main.go', source);
    process.env.GOCACHE ??= join(folder, 'cache');
    expect(verdictsOf('go', ['run', join(folder, 'main.go')])).toEqual(verdicts);
  });
});

/** A run-time alone has no compiler. */
function isCompilerThere(): boolean {
  return execFileSync('java', ['--list-modules'], { encoding: 'utf8' }).includes('jdk.compiler@');
}
