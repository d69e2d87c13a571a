import { OPENINGS, type Snippets } from './common.js';

const CAVEAT = 'The timestamp is not signed: whether a request is a repetition, its webhook-id tells.';
const PREVIOUS = 'While a secret is rotated, the old ones sign as well.';

/** An HMAC over the body alone, with the secret's text. */
export const SHA256: Snippets = {
  'Node.js': (secret) => `import { createHmac, timingSafeEqual } from 'node:crypto';

const SECRET = ${secret};

// ${CAVEAT}
${OPENINGS['Node.js']}
  const expected = Buffer.from(\`sha256=\${createHmac('sha256', SECRET).update(body).digest('hex')}\`);
  // ${PREVIOUS}
  const previous = (headers['x-webhook-signature-previous'] ?? '').split(',');
  return [headers['x-webhook-signature'] ?? '', ...previous].some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
`,

  Python: (secret) => `import hashlib
import hmac

SECRET = ${secret}


# ${CAVEAT}
${OPENINGS.Python}
    expected = b"sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()
    signatures = [headers.get("x-webhook-signature", "")]
    # ${PREVIOUS}
    signatures += headers.get("x-webhook-signature-previous", "").split(",")
    return any(hmac.compare_digest(signature.encode(), expected) for signature in signatures)
`,

  Go: (secret) => `package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

const secret = ${secret}

${OPENINGS.Go.replace('\n', `\n// ${CAVEAT}\n`)}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	expected := []byte("sha256=" + hex.EncodeToString(mac.Sum(nil)))
	// ${PREVIOUS}
	previous := strings.Split(header.Get("x-webhook-signature-previous"), ",")
	for _, signature := range append(previous, header.Get("x-webhook-signature")) {
		if hmac.Equal([]byte(signature), expected) {
			return true
		}
	}
	return false
}
`,

  Ruby: (secret) => `require "openssl"

SECRET = ${secret}

# ${CAVEAT}
${OPENINGS.Ruby}
  expected = "sha256=" + OpenSSL::HMAC.hexdigest("SHA256", SECRET, body)
  # ${PREVIOUS}
  previous = headers["x-webhook-signature-previous"].to_s.split(",")
  [headers["x-webhook-signature"].to_s, *previous].any? do |signature|
    OpenSSL.secure_compare(signature, expected)
  end
end
`,

  PHP: (secret) => `<?php

const SECRET = ${secret};

// ${CAVEAT}
${OPENINGS.PHP}
    $expected = 'sha256=' . hash_hmac('sha256', $body, SECRET);
    // ${PREVIOUS}
    $previous = explode(',', $headers['x-webhook-signature-previous'] ?? '');
    foreach ([$headers['x-webhook-signature'] ?? '', ...$previous] as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}
`,

  Java: (secret) => `import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** ${CAVEAT} */
public final class WebhookVerifier {
    private static final String SECRET = ${secret};

${OPENINGS.Java}
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        byte[] expected = String.format("sha256=%064x", new BigInteger(1, mac.doFinal(body))).getBytes(StandardCharsets.UTF_8);
        // ${PREVIOUS}
        String signatures = headers.getOrDefault("x-webhook-signature", "")
                + "," + headers.getOrDefault("x-webhook-signature-previous", "");
        for (String signature : signatures.split(",")) {
            if (MessageDigest.isEqual(signature.getBytes(StandardCharsets.UTF_8), expected)) {
                return true;
            }
        }
        return false;
    }
}
`,
};
