/** In the order in which they are shown. */
export const LANGUAGES = ['Node.js', 'Python', 'Go', 'Ruby', 'PHP', 'Java'] as const;
export type Language = (typeof LANGUAGES)[number];

/**
 * A function in each language that verifies a request, with what the language has itself where that is possible.
 *
 * The key is what {@link LITERALS} makes of the endpoint's secret or public key.
 */
export type Snippets = Readonly<Record<Language, (key: string) => string>>;

/** Of printable ASCII, as the secret of a `sha256` endpoint may hold all of it. */
const inDoubleQuotes = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
const inSingleQuotes = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

export const LITERALS: Snippets = {
  'Node.js': inSingleQuotes,
  Python: inDoubleQuotes,
  Go: inDoubleQuotes,
  // `#{`, `#$` and `#@` would be put in.
  Ruby: (text) => inDoubleQuotes(text).replaceAll('#', '\\#'),
  PHP: inSingleQuotes,
  Java: inDoubleQuotes,
};

/** Where the function begins. */
export const OPENINGS: Readonly<Record<Language, string>> = {
  'Node.js': `/** headers: names in lower case; body: a Buffer of the bytes as they arrived */
export function verify(headers, body) {`,
  Python: `def verify(headers, body):
    """headers: a dict, names in lower case; body: the bytes as they arrived"""`,
  Go: `// Verify tells whether to believe body, the bytes as they arrived.
func Verify(header http.Header, body []byte) bool {`,
  Ruby: `# headers: a Hash, names in lower case; body: the bytes as they arrived
def verify(headers, body)`,
  PHP: `/** $headers: names in lower case; $body: file_get_contents('php://input') */
function verify(array $headers, string $body): bool
{`,
  Java: `    /** headers: names in lower case; body: the bytes as they arrived */
    public static boolean verify(Map<String, String> headers, byte[] body) throws GeneralSecurityException {`,
};

/** Where it goes on in the schemes of Standard Webhooks: `id` and `timestamp`, which are signed, and whether that is fresh. */
export const FRESHNESS: Readonly<Record<Language, string>> = {
  'Node.js': `  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (!/^\\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;`,
  Python: `    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False`,
  Go: `	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}`,
  Ruby: `  id = headers["webhook-id"].to_s
  timestamp = headers["webhook-timestamp"].to_s
  return false unless timestamp.match?(/\\A\\d+\\z/) && (Time.now.to_i - timestamp.to_i).abs <= 300`,
  PHP: `    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }`,
  Java: `        String id = headers.getOrDefault("webhook-id", "");
        String timestamp = headers.getOrDefault("webhook-timestamp", "");
        if (!timestamp.matches("[0-9]{1,12}")
                || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            return false;
        }`,
};
