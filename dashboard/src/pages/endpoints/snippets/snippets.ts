import { type Language, LANGUAGES, LITERALS, type Snippets } from './common.js';
import { ED25519 } from './ed25519.js';
import { SHA256 } from './sha256.js';
import { STANDARD } from './standard.js';

/** Of one language, for people to copy. A test runs those whose language is on the machine. */
export interface Snippet {
  language: Language;
  /** @param key the endpoint's secret, or the public key of one that signs by `standard-ed25519` */
  render: (key: string) => string;
}

const listOf = (snippets: Snippets): readonly Snippet[] =>
  LANGUAGES.map((language) => ({
    language,
    render: (key) => snippets[language](LITERALS[language](key)),
  }));

/** By what an endpoint's `signature` says. */
export const SNIPPETS = {
  standard: listOf(STANDARD),
  'standard-ed25519': listOf(ED25519),
  sha256: listOf(SHA256),
} as const;
