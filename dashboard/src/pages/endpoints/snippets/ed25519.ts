import { FRESHNESS, OPENINGS, type Snippets } from './common.js';

/**
 * The head of the DER of an Ed25519 public key (RFC 8410, section 4), for languages that take no bare key: twelve bytes, so
 * that its base64 may stand before the key's own.
 */
const DER_HEAD = 'MCowBQYDK2VwAyEA';

/** Standard Webhooks' `v1a`: by the private key that the endpoint keeps, verified with the public `whpk_…`. */
export const ED25519: Snippets = {
  'Node.js': (publicKey) => `import { createPublicKey, verify as isSignature } from 'node:crypto';

const PUBLIC_KEY = ${publicKey};
// What DER puts before the bytes of an Ed25519 key.
const DER_HEAD = '${DER_HEAD}';

${OPENINGS['Node.js']}
${FRESHNESS['Node.js']}
  const der = Buffer.from(DER_HEAD + PUBLIC_KEY.slice('whpk_'.length), 'base64');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(\`\${id}.\${timestamp}.\`), body]);
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1a,/, ''), 'base64');
    return signature.startsWith('v1a,') && isSignature(null, signed, key, given);
  });
}
`,

  Python: (publicKey) => `import base64
import time

# Python has no Ed25519 of its own: pip install cryptography
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PUBLIC_KEY = ${publicKey}


${OPENINGS.Python}
${FRESHNESS.Python}
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC_KEY.removeprefix("whpk_")))
    signed = f"{message_id}.{timestamp}.".encode() + body
    for signature in headers.get("webhook-signature", "").split(" "):
        if not signature.startswith("v1a,"):
            continue
        try:
            key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)
            return True
        except (InvalidSignature, ValueError):
            pass  # Another may fit.
    return False
`,

  Go: (publicKey) => `package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const publicKey = ${publicKey}

${OPENINGS.Go}
${FRESHNESS.Go}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return false
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if !strings.HasPrefix(signature, "v1a,") {
			continue
		}
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1a,"))
		if err == nil && ed25519.Verify(key, signed, given) {
			return true
		}
	}
	return false
}
`,

  Ruby: (publicKey) => `require "openssl" # Ruby 3.1 or later

PUBLIC_KEY = ${publicKey}
# What DER puts before the bytes of an Ed25519 key.
DER_HEAD = "${DER_HEAD}"

${OPENINGS.Ruby}
${FRESHNESS.Ruby}

  key = OpenSSL::PKey.read((DER_HEAD + PUBLIC_KEY.delete_prefix("whpk_")).unpack1("m"))
  signed = "#{id}.#{timestamp}.".b + body.b
  headers["webhook-signature"].to_s.split(" ").any? do |signature|
    signature.start_with?("v1a,") && key.verify(nil, signature.delete_prefix("v1a,").unpack1("m"), signed)
  end
end
`,

  PHP: (publicKey) => `<?php

const PUBLIC_KEY = ${publicKey};

${OPENINGS.PHP}
${FRESHNESS.PHP}
    $key = base64_decode(substr(PUBLIC_KEY, strlen('whpk_')));
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $signature) {
        if (!str_starts_with($signature, 'v1a,')) {
            continue;
        }
        $given = base64_decode(substr($signature, strlen('v1a,')));
        // Of any other length it would throw.
        if (strlen($given) === SODIUM_CRYPTO_SIGN_BYTES
            && sodium_crypto_sign_verify_detached($given, "$id.$timestamp.$body", $key)) {
            return true;
        }
    }
    return false;
}
`,

  Java: (publicKey) => `import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;

/** Java 15 or later. */
public final class WebhookVerifier {
    private static final String PUBLIC_KEY = ${publicKey};
    /** What DER puts before the bytes of an Ed25519 key. */
    private static final String DER_HEAD = "${DER_HEAD}";

${OPENINGS.Java}
${FRESHNESS.Java}
        byte[] der = Base64.getDecoder().decode(DER_HEAD + PUBLIC_KEY.substring("whpk_".length()));
        PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
        Signature verifier = Signature.getInstance("Ed25519");
        for (String signature : headers.getOrDefault("webhook-signature", "").split(" ")) {
            if (!signature.startsWith("v1a,")) {
                continue;
            }
            verifier.initVerify(key);
            verifier.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
            verifier.update(body);
            try {
                if (verifier.verify(Base64.getDecoder().decode(signature.substring("v1a,".length())))) {
                    return true;
                }
            } catch (IllegalArgumentException | SignatureException notOne) {
                // Another may fit.
            }
        }
        return false;
    }
}
`,
};
