// Metrics of an application's own, beside those every service has: GET /metrics sums them over all
// workers, dead ones included.
#include <saola/service/service.hpp>

int main(int argc, char** argv) {
  saola::Service service("shop");
  auto orders = service.counter("shop_orders_total", "Orders taken.");
  auto stock = service.gauge("shop_stock", "Pieces in stock.");
  auto took = service.timer("shop_packing_seconds", "How long packing took.");
  service.post("/orders", [=] {
    const auto start = std::chrono::steady_clock::now();
    orders.add();
    stock.add(-1);
    took.record(std::chrono::steady_clock::now() - start);
    return saola::Response(201);
  });
  return service.main(argc, argv);
}
