interface Order {
  number: number;
  items: { price: number; pieces: number }[];
}

export function main(order: Order) {
  return order.items.reduce((sum, { price, pieces }) => sum + price * pieces, 0);
}
