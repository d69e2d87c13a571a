import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Config } from '../config/config.js';

/** Where people reach this installation: as the setting says, else where this process listens. */
@Injectable()
export class PublicUrl {
  constructor(
    private readonly config: Config,
    private readonly adapter: HttpAdapterHost<FastifyAdapter>,
  ) {}

  /** Without a final slash. */
  toString(): string {
    const { publicUrl, host, port } = this.config;
    if (publicUrl !== '') return publicUrl;
    const server = this.adapter.httpAdapter.getHttpServer<Server>();
    const scheme = server instanceof TlsServer ? 'https' : 'http';
    // One that listens everywhere is reached on loopback, and a port of 0 becomes another.
    const address = server.address();
    const listening = typeof address === 'object' && address !== null ? address.port : port;
    const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${listening}`;
  }
}
