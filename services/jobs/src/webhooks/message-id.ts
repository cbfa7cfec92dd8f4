/** `webhook-id` of a delivery: the same at every try. */
export function messageId(deliveryId: string): string {
  return `msg_${deliveryId}`;
}
