const SLAB_BYTES = 16 * 1024 * 1024;
/** The time (8 bytes), the status (2), the length (4). */
const HEAD_BYTES = 14;

export interface LoggedRequest {
  firstByteAt: number;
  status: number;
  /** The request as it came, head and body. */
  bytes: Buffer;
}

/**
 * Every request with all its bytes, to be looked at after the run: copying a request costs the receiver a twentieth of
 * checking it, and the machine's time belongs to what is measured.
 */
export class RequestLog {
  private readonly slabs: { bytes: Buffer; used: number }[] = [];
  private requests = 0;

  get count(): number {
    return this.requests;
  }

  add(firstByteAt: number, status: number, bytes: Buffer): void {
    const needed = HEAD_BYTES + bytes.length;
    let slab = this.slabs.at(-1);
    if (slab === undefined || slab.used + needed > slab.bytes.length) {
      slab = { bytes: Buffer.allocUnsafe(Math.max(SLAB_BYTES, needed)), used: 0 };
      this.slabs.push(slab);
    }
    const at = slab.used;
    slab.bytes.writeDoubleLE(firstByteAt, at);
    slab.bytes.writeUInt16LE(status, at + 8);
    slab.bytes.writeUInt32LE(bytes.length, at + 10);
    bytes.copy(slab.bytes, at + HEAD_BYTES);
    slab.used += needed;
    this.requests += 1;
  }

  /** In the order they came. */
  *entries(): Generator<LoggedRequest> {
    for (const { bytes, used } of this.slabs) {
      for (let at = 0; at < used;) {
        const length = bytes.readUInt32LE(at + 10);
        yield {
          firstByteAt: bytes.readDoubleLE(at),
          status: bytes.readUInt16LE(at + 8),
          bytes: bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length),
        };
        at += HEAD_BYTES + length;
      }
    }
  }
}
