// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fetch.h"

namespace davit::images {
namespace {

// Feeds an unpacker, and the copy of the blob. Only a blob that turns out to be wrong costs the directory
// that was begun; a broken connection does not show here.
class UnpackSink : public BlobSink {
 public:
  UnpackSink(LayerStore& layers, const std::string& program, const std::string& chain_id, LayerBlob& blob,
             const Interrupt& interrupt, LayerMeter meter)
      : layers_(layers),
        program_(program),
        chain_id_(chain_id),
        blob_(blob),
        interrupt_(interrupt),
        meter_(meter) {}

  Result<> Begin() override {
    process_.reset();  // before the directory that it writes to is dropped
    bad_content_.reset();
    blob_.Begin();
    layers_.Abandon(chain_id_);
    dir_ = TRY(layers_.Stage(chain_id_));
    process_.emplace(TRY(UnpackProcess::Start(program_, dir_.get(), interrupt_)));
    meter_.Begin();
    return {};
  }

  Result<> Write(std::string_view piece) override {
    blob_.Append(piece);
    meter_.Add(piece.size());
    if (bad_content_) return interrupt_.Check();
    auto written = process_->Write(piece);
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

  std::string Kept(int64_t position) override { return blob_.Kept(position); }
  void Discard() override { blob_.Discard(); }
  void DropCopy() { blob_.Drop(); }

  // After the blob's digest was found right.
  Result<StagedLayer> Finish(const std::string& diff_id) {
    meter_.Received();
    if (bad_content_) return std::unexpected(std::move(*bad_content_));
    UnpackReport report = TRY(process_->Finish());
    if (report.diff_id != diff_id) {
      return Fail(Code::kDataLoss, "unpack", "layer",
                  "has diff id " + report.diff_id + ", the config says " + diff_id);
    }
    return StagedLayer{std::move(dir_), std::move(report), std::move(blob_)};
  }

 private:
  LayerStore& layers_;
  const std::string& program_;
  const std::string& chain_id_;
  LayerBlob& blob_;
  const Interrupt& interrupt_;
  LayerMeter meter_;
  UniqueFd dir_;
  std::optional<UnpackProcess> process_;
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

Result<StagedLayer> FetchLayer(BlobSource& source, LayerStore& layers, LayerBlob blob,
                               const std::string& unpack_program, const std::string& chain_id,
                               const Descriptor& descriptor, const std::string& diff_id,
                               const Interrupt& interrupt, LayerMeter meter) {
  Result<StagedLayer> staged = [&] {
    UnpackSink sink(layers, unpack_program, chain_id, blob, interrupt, meter);
    return Fetch(source, sink, descriptor, diff_id);
  }();  // the unpacker has ended
  if (staged) return staged;
  layers.Abandon(chain_id);
  return std::unexpected(Within("layer " + descriptor.digest, std::move(staged).error()));
}

}  // namespace davit::images
