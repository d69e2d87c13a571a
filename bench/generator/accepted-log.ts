import { type AcceptedEvents, ID_BYTES } from '../wire.js';

/** What was accepted, in arrays that grow by doubling: objects by the million would keep the collector busy. */
export class AcceptedLog {
  private length = 0;
  private ids = Buffer.alloc(ID_BYTES * 1024);
  private tenants = new Uint32Array(1024);
  private sentAt = new Float64Array(1024);
  private acceptedAt = new Float64Array(1024);

  get count(): number {
    return this.length;
  }

  add(id: string, tenant: number, sentAt: number, acceptedAt: number): void {
    if (this.length === this.tenants.length) this.grow();
    this.ids.write(id, this.length * ID_BYTES, 'latin1');
    this.tenants[this.length] = tenant;
    this.sentAt[this.length] = sentAt;
    this.acceptedAt[this.length] = acceptedAt;
    this.length += 1;
  }

  events(): AcceptedEvents {
    return {
      ids: this.ids.subarray(0, this.length * ID_BYTES),
      tenants: this.tenants.subarray(0, this.length),
      sentAt: this.sentAt.subarray(0, this.length),
      acceptedAt: this.acceptedAt.subarray(0, this.length),
    };
  }

  private grow(): void {
    this.ids = Buffer.concat([this.ids], this.ids.length * 2);
    this.tenants = copied(new Uint32Array(this.tenants.length * 2), this.tenants);
    this.sentAt = copied(new Float64Array(this.sentAt.length * 2), this.sentAt);
    this.acceptedAt = copied(new Float64Array(this.acceptedAt.length * 2), this.acceptedAt);
  }
}

function copied<T extends Uint32Array | Float64Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
