import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddEndpointTls1763791200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // Two columns that are null for nearly everybody: the certificates, which are no secret, and the sealed private key.
    await queryRunner.query(`
      ALTER TABLE endpoints
        ADD COLUMN tls jsonb,
        ADD COLUMN tls_key_sealed text,
        ADD CONSTRAINT endpoints_tls_check
          CHECK ((tls_key_sealed IS NOT NULL) = ((tls ->> 'client_cert') IS NOT NULL))`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE endpoints
        DROP CONSTRAINT endpoints_tls_check,
        DROP COLUMN tls_key_sealed,
        DROP COLUMN tls`);
  }
}
