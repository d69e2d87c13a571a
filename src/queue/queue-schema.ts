/** BullMQ keeps its tables in a schema of its own. */
export const QUEUE_SCHEMA = 'bullmq';
