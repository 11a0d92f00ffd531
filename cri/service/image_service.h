// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI ImageService over gRPC.
#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "cri/runtime/container_use.h"
#include "cri/service/async_service.h"
#include "cri/service/list_stream.h"
#include "cri/service/pinned_images.h"
#include "cri/service/rpc.h"
#include "images/image_store.h"
#include "snapshotter/snapshotter.h"

namespace davit::cri {

class ImageService final : public AsyncImageService {
 public:
  // All must outlive the service.
  ImageService(images::ImageStore& images, snapshotter::Snapshotter& snapshotter, const PinnedImages& pinned,
               ContainerUses local_uses, Admission& admission, const Logger& log)
      : images_(images),
        snapshotter_(snapshotter),
        pinned_(pinned),
        local_uses_(std::move(local_uses)),
        edge_{log, admission} {}

  // Begins to accept StreamImages. Call it after the server is built.
  void AcceptListStreams(ListStreamSetting& setting);

  grpc::Status ListImages(grpc::ServerContext* context, const v1::ListImagesRequest* request,
                          v1::ListImagesResponse* response) override;
  grpc::Status ImageStatus(grpc::ServerContext* context, const v1::ImageStatusRequest* request,
                           v1::ImageStatusResponse* response) override;
  grpc::Status PullImage(grpc::ServerContext* context, const v1::PullImageRequest* request,
                         v1::PullImageResponse* response) override;
  grpc::Status RemoveImage(grpc::ServerContext* context, const v1::RemoveImageRequest* request,
                           v1::RemoveImageResponse* response) override;
  grpc::Status ImageFsInfo(grpc::ServerContext* context, const v1::ImageFsInfoRequest* request,
                           v1::ImageFsInfoResponse* response) override;

 private:
  Result<std::vector<v1::Image>> Find(const v1::ImageFilter& filter) const;
  // Images that local containers use are pinned: the kubelet does not see these containers, and would remove
  // the images.
  struct LocalImages {
    bool any = false;  // a local container may use any image
    std::set<std::string> ids;

    bool Has(const std::string& id) const { return any || ids.contains(id); }
  };
  v1::Image ToCri(const images::ImageSummary& record, const LocalImages& in_local_use) const;
  LocalImages InLocalUse() const;
  Result<> CheckNotInLocalUse(const images::ImageSummary& image) const;

  images::ImageStore& images_;
  snapshotter::Snapshotter& snapshotter_;
  const PinnedImages& pinned_;
  const ContainerUses local_uses_;
  const Edge edge_;
};

}  // namespace davit::cri
