// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fetch.h"

#include "images/artifact.h"

namespace davit::images {
namespace {

// Feeds an unpacker, and the copy of the blob. Only a blob that turns out to be wrong costs the directory
// that was begun; a broken connection does not show here.
class UnpackSink : public BlobSink {
 public:
  UnpackSink(LayerTarget& layers, const std::string& program, const std::string& staging,
             const Descriptor& descriptor, LayerBlob& blob, const Interrupt& interrupt, LayerMeter meter)
      : layers_(layers),
        program_(program),
        staging_(staging),
        descriptor_(descriptor),
        blob_(blob),
        interrupt_(interrupt),
        meter_(meter) {}

  Result<> Begin() override {
    process_.reset();  // before the directory that it writes to is dropped
    bad_content_.reset();
    blob_.Begin();
    layers_.Abandon(staging_);
    dir_ = TRY(layers_.Stage(staging_));
    process_.emplace(TRY(UnpackProcess::Start(program_, dir_.get(), interrupt_)));
    input_.emplace(*process_);
    archive_.emplace(descriptor_, *input_);
    meter_.Begin();
    return Judge(archive_->Begin());
  }

  Result<> Write(std::string_view piece) override {
    blob_.Append(piece);
    meter_.Add(piece.size());
    if (bad_content_) return interrupt_.Check();
    return Judge(archive_->Write(piece));
  }

  std::string Kept(int64_t position) override { return blob_.Kept(position); }
  void Discard() override { blob_.Discard(); }
  void DropCopy() { blob_.Drop(); }

  // After the blob's digest was found right.
  Result<StagedLayer> Finish(const std::string& diff_id) {
    meter_.Received();
    if (!bad_content_) TRY(Judge(archive_->End()));
    if (bad_content_) return std::unexpected(std::move(*bad_content_));
    UnpackReport report = TRY(process_->Finish());
    if (report.diff_id != diff_id && descriptor_.file_name.empty()) {
      return Fail(Code::kDataLoss, "unpack", "layer",
                  "has diff id " + report.diff_id + ", the config says " + diff_id);
    }
    return StagedLayer{staging_, std::move(dir_), std::move(report), process_->TakeNotes(), std::move(blob_)};
  }

 private:
  // The unpacker's standard input.
  class Input : public ByteSink {
   public:
    explicit Input(UnpackProcess& process) : process_(process) {}
    Result<> Write(std::string_view piece) override { return process_.Write(piece); }

   private:
    UnpackProcess& process_;
  };

  // An unpacker that stops reading has a reason.
  Result<> Judge(Result<> written) {
    if (written || written.error().os_errno != EPIPE) return written;
    auto report = process_->Finish();
    if (report) return Fail(Code::kInternal, "unpack", "davit-unpack", "stopped reading before the end");
    Error error = std::move(report).error();
    // Corrupt content may be the server's fault or the image's. The rest is downloaded to find out: only a
    // wrong digest makes it worth asking another server.
    bool content = error.code == Code::kDataLoss || error.code == Code::kInvalidArgument;
    if (!content) return std::unexpected(std::move(error));
    bad_content_ = std::move(error);
    return {};
  }

  LayerTarget& layers_;
  const std::string& program_;
  const std::string& staging_;
  const Descriptor& descriptor_;
  LayerBlob& blob_;
  const Interrupt& interrupt_;
  LayerMeter meter_;
  UniqueFd dir_;
  std::optional<UnpackProcess> process_;
  std::optional<Input> input_;
  std::optional<LayerArchive> archive_;
  std::optional<Error> bad_content_;
};

// Whether another attempt, with the bytes that this one has kept, may end better.
bool IsWorthResuming(const Error& error) {
  return error.code != Code::kInvalidArgument && error.code != Code::kResourceExhausted &&
         error.code != Code::kInternal;
}

Result<StagedLayer> Fetch(BlobSource& source, UnpackSink& sink, const Descriptor& descriptor,
                          const std::string& diff_id) {
  if (auto fetched = source.Send(descriptor, sink); !fetched) {
    if (!IsWorthResuming(fetched.error())) sink.DropCopy();
    return std::unexpected(std::move(fetched).error());
  }
  auto staged = sink.Finish(diff_id);
  if (!staged && staged.error().code != Code::kCancelled) sink.DropCopy();
  return staged;
}

}  // namespace

Result<StagedLayer> FetchLayer(BlobSource& source, LayerTarget& layers, LayerBlob blob,
                               const std::string& unpack_program, const std::string& staging,
                               const Descriptor& descriptor, const std::string& diff_id,
                               const Interrupt& interrupt, LayerMeter meter) {
  Result<StagedLayer> staged = [&] {
    UnpackSink sink(layers, unpack_program, staging, descriptor, blob, interrupt, meter);
    return Fetch(source, sink, descriptor, diff_id);
  }();  // the unpacker has ended
  if (staged) return staged;
  layers.Abandon(staging);
  return std::unexpected(Within("layer " + descriptor.digest, std::move(staged).error()));
}

}  // namespace davit::images
