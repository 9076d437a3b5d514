// The S3 store on a real gateway, against the suite that every store passes.
#include "ceph.hpp"
#include "store_conformance.hpp"

namespace saola::objects {
namespace {

using objects_s3::Ceph;
using objects_s3::S3Addressing;
using objects_s3::S3Options;
using objects_s3::S3Store;

const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new Ceph);

StoreSubject path_style_subject() {
  return {std::shared_ptr<ObjectStore>(Ceph::instance()->store()), Ceph::kBucket};
}

// Small parts, so that every transfer of some size is one of many parts; another name in Saola.
StoreSubject many_parts_subject() {
  S3Options options = Ceph::instance()->options();
  options.part_size = 100'000;
  options.multipart_threshold = 1'000'000;
  options.bucket = Ceph::kBucket;
  return {std::shared_ptr<ObjectStore>(S3Store::open(options).value()), "alias"};
}

StoreSubject virtual_host_tls_subject() {
  S3Options options = Ceph::instance()->options();
  options.endpoint = Ceph::instance()->value("S3_TLS_ENDPOINT");
  options.ca_file = Ceph::instance()->value("S3_CA_FILE");
  options.addressing = S3Addressing::kVirtualHost;
  return {std::shared_ptr<ObjectStore>(S3Store::open(options).value()), Ceph::kBucket};
}

INSTANTIATE_TEST_SUITE_P(S3PathStyle, StoreConformance, testing::Values(&path_style_subject));
INSTANTIATE_TEST_SUITE_P(S3ManyParts, StoreConformance, testing::Values(&many_parts_subject));
INSTANTIATE_TEST_SUITE_P(S3VirtualHostTls, StoreConformance,
                         testing::Values(&virtual_host_tls_subject));

}  // namespace
}  // namespace saola::objects
