// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_service.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/json.h"
#include "cri/service/client_gone.h"
#include "cri/service/rpc.h"
#include "cri/stats/cri_usage.h"

namespace davit::cri {
namespace {

// USER as the kubelet wants it for runAsNonRoot: a number or a name, never the group.
void FillUser(const std::string& image_user, v1::Image& image) {
  std::string user = image_user.substr(0, image_user.find(':'));
  int64_t uid = 0;
  auto [end, err] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (err == std::errc() && end == user.data() + user.size() && !user.empty()) {
    image.mutable_uid()->set_value(uid);
  } else {
    image.set_username(user);
  }
}

std::optional<images::RegistryAuth> ToAuth(const v1::PullImageRequest& request) {
  if (!request.has_auth()) return std::nullopt;
  const v1::AuthConfig& auth = request.auth();
  return images::RegistryAuth{auth.username(),       auth.password(),       auth.auth(),
                              auth.identity_token(), auth.registry_token(), auth.server_address()};
}

Result<> RequireImage(const v1::ImageSpec& image) {
  if (image.image().empty()) return Fail(Code::kInvalidArgument, "validate", "image.image", "it is empty");
  return {};
}

}  // namespace

v1::Image ImageService::ToCri(const images::ImageSummary& record, const LocalImages& in_local_use) const {
  v1::Image image;
  image.set_id(record.id);
  for (const std::string& tag : record.repo_tags) image.add_repo_tags(tag);
  for (const std::string& digest : record.repo_digests) image.add_repo_digests(digest);
  image.set_size(record.size);
  image.set_pinned(pinned_.Has(record) || in_local_use.Has(record.id));
  FillUser(record.user, image);
  return image;
}

ImageService::LocalImages ImageService::InLocalUse() const {
  LocalImages images;
  for (const ContainerUse& use : local_uses_()) {
    images.any = images.any || use.may_use_any;
    images.ids.insert(use.images.begin(), use.images.end());
  }
  return images;
}

Result<> ImageService::CheckNotInLocalUse(const images::ImageSummary& image) const {
  for (const ContainerUse& use : local_uses_()) {
    bool uses = std::ranges::find(use.images, image.id) != use.images.end();
    if (!uses && !use.may_use_any) continue;
    return Fail(Code::kFailedPrecondition, "remove image", image.id,
                "the local container " + use.name + " (" + use.id.substr(0, 12) + ") " +
                    (uses ? "uses it" : "has no readable record, and may use it"));
  }
  return {};
}

Result<std::vector<v1::Image>> ImageService::Find(const v1::ImageFilter& filter) const {
  std::vector<v1::Image> found;
  LocalImages in_local_use = InLocalUse();
  const std::string& wanted = filter.image().image();
  if (wanted.empty()) {
    for (const images::ImageSummary& record : images_.List()) found.push_back(ToCri(record, in_local_use));
    return found;
  }
  Result<images::ImageSummary> record = images_.Find(wanted);
  if (record)
    found.push_back(ToCri(*record, in_local_use));
  else if (record.error().code != Code::kNotFound)
    return std::unexpected(std::move(record).error());
  return found;
}

grpc::Status ImageService::ListImages(grpc::ServerContext* context, const v1::ListImagesRequest* request,
                                      v1::ListImagesResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ListImages", request->filter().image().image(), response,
               [&](Call&) -> Result<v1::ListImagesResponse> {
                 v1::ListImagesResponse list;
                 for (v1::Image& image : TRY(Find(request->filter()))) *list.add_images() = std::move(image);
                 return list;
               });
}

void ImageService::AcceptListStreams(ListStreamSetting& setting) {
  cri::AcceptListStreams(
      setting, "StreamImages", *this, &ImageService::RequestStreamImages,
      [this](const auto&, const v1::StreamImagesRequest& request) { return Find(request.filter()); },
      &v1::StreamImagesResponse::add_images);
}

grpc::Status ImageService::ImageStatus(grpc::ServerContext* context, const v1::ImageStatusRequest* request,
                                       v1::ImageStatusResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ImageStatus", request->image().image(), response,
               [&](Call&) -> Result<v1::ImageStatusResponse> {
                 TRY(RequireImage(request->image()));
                 v1::ImageStatusResponse status;
                 Result<images::ImageSummary> record = images_.Find(request->image().image());
                 // An absent image is an empty answer, not an error.
                 if (!record && record.error().code == Code::kNotFound) return status;
                 *status.mutable_image() = ToCri(TRY(std::move(record)), InLocalUse());
                 if (request->verbose()) {
                   images::ImageRecord found = TRY(images_.Read(status.image().id()));
                   nlohmann::json info;
                   info["chainIDs"] = found.chain_ids;
                   info["imageSpec"] = JsonOrNull(found.config_json);
                   (*status.mutable_info())["info"] = PrintJson(info);
                 }
                 return status;
               });
}

grpc::Status ImageService::PullImage(grpc::ServerContext* context, const v1::PullImageRequest* request,
                                     v1::PullImageResponse* response) {
  return Serve(edge_, CallClass::kPull, context, "PullImage", request->image().image(), response,
               [&](Call& call) -> Result<v1::PullImageResponse> {
                 TRY(RequireImage(request->image()));
                 images::PullRequest pull;
                 pull.reference = request->image().image();
                 pull.auth = ToAuth(*request);
                 pull.deadline_ms = call.deadline_ms;
                 ClientGone gone(*context);
                 pull.cancelled = std::ref(gone);
                 images::PulledImage image = TRY(images_.Pull(pull));
                 if (!image.warning.empty())
                   edge_.log.Log(LogLevel::kWarning, "image pulled", {{"warning", image.warning}});
                 v1::PullImageResponse answer;
                 answer.set_image_ref(image.id);
                 return answer;
               });
}

grpc::Status ImageService::RemoveImage(grpc::ServerContext* context, const v1::RemoveImageRequest* request,
                                       v1::RemoveImageResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "RemoveImage", request->image().image(), response,
               [&](Call&) -> Result<v1::RemoveImageResponse> {
                 TRY(RequireImage(request->image()));
                 TRY(images_.Remove(request->image().image(), [this](const images::ImageSummary& image) {
                   return CheckNotInLocalUse(image);
                 }));
                 return v1::RemoveImageResponse();
               });
}

grpc::Status ImageService::ImageFsInfo(grpc::ServerContext* context, const v1::ImageFsInfoRequest*,
                                       v1::ImageFsInfoResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "ImageFsInfo", "", response,
               [&](Call&) -> Result<v1::ImageFsInfoResponse> {
                 snapshotter::FsInfo info = TRY(snapshotter_.Info());
                 for (const images::BlobInfo& blob : TRY(images_.Blobs()))
                   info.layers += {static_cast<uint64_t>(blob.disk_bytes), /*inodes=*/1};
                 v1::ImageFsInfoResponse answer;
                 int64_t now = UnixNanoseconds();
                 *answer.add_image_filesystems() = FilesystemUsageOf(info.mountpoint, info.layers, now);
                 *answer.add_container_filesystems() =
                     FilesystemUsageOf(info.mountpoint, info.containers, now);
                 return answer;
               });
}

}  // namespace davit::cri
