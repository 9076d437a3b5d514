// What a store does, each over one Driver.
#pragma once

#include <saola/objects/object_store.hpp>

#include "driver.hpp"

namespace saola::objects_s3 {

// HEAD. Where that is refused a GET of one byte is tried: it tells the size to who may only GET, and
// only its refusal has a body which says why.
Result<objects::ObjectInfo> head_object(Driver& driver, const objects::ObjectName& name);

Result<objects::ObjectInfo> download(DriverShared& shared, const objects::ObjectName& name,
                                     const objects::ByteSink& sink,
                                     const objects::GetOptions& options);

Result<objects::ObjectInfo> upload(DriverShared& shared, const objects::ObjectName& name,
                                   const objects::ByteSource& source,
                                   const objects::CallOptions& options);

Result<void> remove_object(DriverShared& shared, const objects::ObjectName& name,
                           const objects::CallOptions& options);

// Aborts the uploads in parts of all keys that begin with that of `beginning`; up to 1000 of them.
Result<void> abort_uploads(DriverShared& shared, const objects::ObjectName& beginning,
                           const objects::CallOptions& options);

}  // namespace saola::objects_s3
