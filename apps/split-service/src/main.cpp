#include "split_service.hpp"

int main(int argc, char** argv) {
  return saola::split_service::make_split_service()->main(argc, argv);
}
