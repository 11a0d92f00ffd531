// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/blob_keeper.h"

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace davit::images {
namespace {

class WriterSink : public BlobSink {
 public:
  explicit WriterSink(BlobWriter& writer) : writer_(writer) {}

  Result<> Begin() override { return writer_.Restart(); }
  Result<> Write(std::string_view piece) override { return writer_.Write(piece); }

 private:
  BlobWriter& writer_;
};

// The digest of a blob that is here already says nothing of the size in a descriptor.
Result<> CheckSize(const BlobStore& store, const Descriptor& blob) {
  int64_t size = TRY(store.Open(blob.digest)).size;
  if (size == blob.size) return {};
  return Fail(Code::kDataLoss, "keep blob", blob.digest,
              "has " + std::to_string(size) + " bytes, not " + std::to_string(blob.size));
}

// These return false while another writer has the blob, and fail with kAlreadyExists if the store has it.
Result<bool> CopyBlob(BlobStore& store, const Descriptor& blob, BlobSource& source) {
  Result<std::unique_ptr<BlobWriter>> begun = store.Begin(blob, BlobStore::Verify::kByCaller);
  if (!begun && begun.error().code == Code::kFailedPrecondition) return false;
  std::unique_ptr<BlobWriter> writer = TRY(std::move(begun));
  WriterSink sink(*writer);
  auto sent = source.Send(blob, sink);
  if (sent) sent = writer->Commit();
  if (!sent) writer->Abandon(BlobWriter::Partial::kDrop);
  TRY(std::move(sent));
  return true;
}

Result<bool> LinkOrCopy(BlobStore& store, const Descriptor& blob, StagedBlobSource& staged) {
  StagedFiles::File file = TRY(staged.OpenVerified(blob));
  Result<bool> linked = store.Link(blob, file.fd.get());
  if (!linked && linked.error().code == Code::kFailedPrecondition) return false;
  if (TRY(std::move(linked))) return true;
  return CopyBlob(store, blob, staged);
}

Result<> KeepWhenFree(const BlobStore& store, const Descriptor& blob, const Interrupt& interrupt,
                      const std::function<Result<bool>()>& keep) {
  while (!store.Has(blob.digest)) {
    auto kept = keep();
    if (!kept && kept.error().code == Code::kAlreadyExists) break;
    if (TRY(std::move(kept))) return {};
    TRY(interrupt.Check());
    std::this_thread::sleep_for(std::chrono::milliseconds(Interrupt::kAskEveryMs));
  }
  return CheckSize(store, blob);
}

}  // namespace

std::vector<std::string> DigestsOf(const std::vector<Descriptor>& blobs) {
  std::vector<std::string> digests;
  for (const Descriptor& blob : blobs) digests.push_back(blob.digest);
  return digests;
}

Result<> KeepStagedBlob(BlobStore& store, const Descriptor& blob, StagedBlobSource& staged,
                        const Interrupt& interrupt) {
  return KeepWhenFree(store, blob, interrupt, [&] { return LinkOrCopy(store, blob, staged); });
}

Result<> KeepBlob(BlobStore& store, const Descriptor& blob, BlobSource& source, const Interrupt& interrupt) {
  return KeepWhenFree(store, blob, interrupt, [&] { return CopyBlob(store, blob, source); });
}

}  // namespace davit::images
