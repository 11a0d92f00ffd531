// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Images over gRPC: api/davit/v1/davit.proto says what its methods promise.
#pragma once

#include <string>
#include <vector>

#include "api/davit/v1/davit.grpc.pb.h"
#include "cri/runtime/containers.h"
#include "cri/service/image_usage.h"
#include "cri/service/pinned_images.h"
#include "cri/service/rpc.h"
#include "images/image_store.h"
#include "snapshotter/snapshotter.h"

namespace davit::cri {

namespace api = ::davit::v1;

class ImagesApi final : public api::Images::Service {
 public:
  // All must outlive the service.
  ImagesApi(images::ImageStore& images, snapshotter::Snapshotter& snapshotter, const Containers& containers,
            const PinnedImages& pinned, Admission& admission, const Logger& log)
      : images_(images),
        snapshotter_(snapshotter),
        containers_(containers),
        pinned_(pinned),
        edge_{log, admission} {}

  grpc::Status Pull(grpc::ServerContext* context, const api::PullImageRequest* request,
                    grpc::ServerWriter<api::PullImageResponse>* writer) override;
  grpc::Status List(grpc::ServerContext* context, const api::ListImagesRequest* request,
                    grpc::ServerWriter<api::ListImagesResponse>* writer) override;
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
  ImageUsage ReadUsage() const;
  api::Image ToApi(const images::ImageSummary& image, const ImageUsage& usage, Layers layers) const;

  images::ImageStore& images_;
  snapshotter::Snapshotter& snapshotter_;
  const Containers& containers_;
  const PinnedImages& pinned_;
  const Edge edge_;
};

}  // namespace davit::cri
