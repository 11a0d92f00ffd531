// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/blob_keeper.h"

#include <chrono>
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

// Null if the store has the blob.
Result<std::unique_ptr<BlobWriter>> BeginWhenFree(BlobStore& store, const Descriptor& blob,
                                                  const Interrupt& interrupt) {
  while (!store.Has(blob.digest)) {
    auto writer = store.Begin(blob, BlobStore::Verify::kByCaller);  // the source verifies
    if (writer) return writer;
    if (writer.error().code == Code::kAlreadyExists) break;
    if (writer.error().code != Code::kFailedPrecondition) return std::unexpected(std::move(writer).error());
    TRY(interrupt.Check());
    std::this_thread::sleep_for(std::chrono::milliseconds(Interrupt::kAskEveryMs));
  }
  return std::unique_ptr<BlobWriter>();
}

}  // namespace

std::vector<std::string> DigestsOf(const std::vector<Descriptor>& blobs) {
  std::vector<std::string> digests;
  for (const Descriptor& blob : blobs) digests.push_back(blob.digest);
  return digests;
}

Result<> KeepBlob(BlobStore& store, const Descriptor& blob, BlobSource& source, const Interrupt& interrupt) {
  std::unique_ptr<BlobWriter> writer = TRY(BeginWhenFree(store, blob, interrupt));
  if (!writer) return CheckSize(store, blob);
  WriterSink sink(*writer);
  auto sent = source.Send(blob, sink);
  if (sent) sent = writer->Commit();
  if (!sent) writer->Abandon(BlobWriter::Partial::kDrop);
  return sent;
}

}  // namespace davit::images
