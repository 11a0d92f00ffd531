// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Images over gRPC: api/davit/v1/davit.proto says what its methods promise.
#pragma once

#include <string>
#include <vector>

#include "cri/runtime/containers.h"
#include "cri/service/async_service.h"
#include "cri/service/image_usage.h"
#include "cri/service/list_stream.h"
#include "cri/service/pinned_images.h"
#include "cri/service/rpc.h"
#include "images/image_exchange.h"
#include "images/image_store.h"
#include "snapshotter/snapshotter.h"

namespace davit::cri {

namespace api = ::davit::v1;

class ImagesApi final : public AsyncImagesApi {
 public:
  // All must outlive the service.
  ImagesApi(images::ImageStore& images, const images::ImageExchange& exchange,
            snapshotter::Snapshotter& snapshotter, ContainerUses uses, const PinnedImages& pinned,
            Admission& admission, const Logger& log)
      : images_(images),
        exchange_(exchange),
        snapshotter_(snapshotter),
        uses_(std::move(uses)),
        pinned_(pinned),
        edge_{log, admission} {}

  // Begins to accept List. Call it after the server is built.
  void AcceptListStreams(ListStreamSetting& setting);

  grpc::Status Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                    grpc::ServerWriter<api::PullImageResponse>* writer) override;
  grpc::Status Push(grpc::ServerContext* context, const api::PushImageRequest* request,
                    grpc::ServerWriter<api::PushImageResponse>* writer) override;
  grpc::Status Export(grpc::ServerContext* context, const api::ExportImagesRequest* request,
                      grpc::ServerWriter<api::ExportImagesResponse>* writer) override;
  using ImportStream = grpc::ServerReaderWriter<api::ImportImagesResponse, api::ImportImagesRequest>;
  grpc::Status Import(grpc::ServerContext* context, ImportStream* stream) override;
  grpc::Status Verify(grpc::ServerContext* context, const api::VerifyImagesRequest* request,
                      grpc::ServerWriter<api::VerifyImagesResponse>* writer) override;
  grpc::Status Repair(grpc::ServerContext* context, const api::RepairImageRequest* request,
                      grpc::ServerWriter<api::RepairImageResponse>* writer) override;
#define DAVIT_RPC(name, Message)                                                        \
  grpc::Status name(grpc::ServerContext* context, const api::Message##Request* request, \
                    api::Message##Response* response) override
  DAVIT_RPC(Inspect, InspectImage);
  DAVIT_RPC(Tag, TagImage);
  DAVIT_RPC(Untag, UntagImage);
  DAVIT_RPC(Usage, Usage);
  DAVIT_RPC(Prune, PruneImages);
  DAVIT_RPC(CheckCredentials, CheckCredentials);
#undef DAVIT_RPC

 private:
  enum class Layers : uint8_t { kOmit, kInclude };

  Result<std::vector<api::Image>> Find(const api::ListImagesRequest& request) const;
  Result<api::InspectImageResponse> InspectImage(const std::string& ref) const;
  Result<api::UsageResponse> MeasureUsage() const;
  Result<api::PruneImagesResponse> PruneImages(const api::PruneImagesRequest& request) const;
  Result<> VerifyImages(grpc::ServerContext& context, const api::VerifyImagesRequest& request,
                        grpc::ServerWriter<api::VerifyImagesResponse>& writer) const;
  Result<> RepairImage(grpc::ServerContext& context, const api::RepairImageRequest& request,
                       grpc::ServerWriter<api::RepairImageResponse>& writer) const;
  ImageUsage ReadUsage() const;  // of all images, incomplete ones as well
  uint64_t BytesOfLayer(const std::string& chain_id) const;
  // `needed` are the images that stay when all others are removed.
  void CountBlobs(const std::vector<images::ImageSummary>& needed, api::UsageResponse::Blobs& blobs) const;
  void CountUnfinished(api::UsageResponse::Unfinished& unfinished) const;
  // The blobs that go with these images and, if `all`, with everything but `staying`.
  uint64_t BlobBytesFreedBy(const std::vector<images::ImageSummary>& removed,
                            const std::vector<images::ImageSummary>& staying, bool all) const;
  api::Image ToApi(const images::ImageSummary& image, const ImageUsage& usage, Layers layers) const;

  images::ImageStore& images_;
  const images::ImageExchange& exchange_;
  snapshotter::Snapshotter& snapshotter_;
  const ContainerUses uses_;  // by containers of all owners
  const PinnedImages& pinned_;
  const Edge edge_;
};

}  // namespace davit::cri
