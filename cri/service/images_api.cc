// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/images_api.h"

#include <algorithm>

#include "cri/runtime/usage_patience.h"
#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"
#include "cri/service/image_history.h"
#include "cri/service/image_prune.h"

namespace davit::cri {

// What is gone meanwhile, or cannot be measured, counts as empty: a figure for people must not fail for it.
ImageUsage ImagesApi::ReadUsage() const {
  return {images_.List(images::Which::kAny), uses_(),
          [this](const std::string& chain_id) { return BytesOfLayer(chain_id); }};
}

uint64_t ImagesApi::BytesOfLayer(const std::string& chain_id) const {
  Result<snapshotter::DiskUsage> usage = snapshotter_.LayerUsage(chain_id);
  return usage ? usage->bytes : 0;
}

api::Image ImagesApi::ToApi(const images::ImageSummary& image, const ImageUsage& usage, Layers layers) const {
  api::Image message;
  message.set_id(image.id);
  for (const std::string& tag : image.repo_tags) message.add_tags(tag);
  for (const std::string& digest : image.repo_digests) message.add_digests(digest);
  message.set_size(image.size);
  message.set_disk_bytes(usage.BytesOf(image));
  message.set_pinned(pinned_.Has(image));
  message.set_containers(usage.ContainersOf(image.id));
  message.set_incomplete(image.incomplete);
  if (layers == Layers::kOmit) return message;
  for (const std::string& chain_id : image.chain_ids) {
    api::ImageLayer* layer = message.add_layers();
    layer->set_chain_id(chain_id);
    layer->set_disk_bytes(usage.BytesOf(chain_id));
    layer->set_images(usage.ImagesWith(chain_id));
  }
  return message;
}

Result<std::vector<api::Image>> ImagesApi::Find(const api::ListImagesRequest& request) const {
  ImageUsage usage = ReadUsage();
  std::string wanted;
  if (!request.image().empty()) {
    Result<images::ImageSummary> image = images_.Find(request.image(), images::Which::kAny);
    if (!image && image.error().code == Code::kNotFound) return std::vector<api::Image>();
    wanted = TRY(std::move(image)).id;
  }
  std::vector<api::Image> found;
  for (const images::ImageSummary& image : usage.images()) {
    if (!wanted.empty() && image.id != wanted) continue;
    found.push_back(ToApi(image, usage, request.layers() ? Layers::kInclude : Layers::kOmit));
  }
  return found;
}

void ImagesApi::AcceptListStreams(ListStreamSetting& setting) {
  cri::AcceptListStreams(
      setting, "Images.List", *this, &ImagesApi::RequestList,
      [this](const grpc::ServerContext& context,
             const api::ListImagesRequest& request) -> Result<std::vector<api::Image>> {
        TRY(RequireEntitled(context));
        TRY(LimitText("image", request.image(), kMostReferenceBytes));
        return Find(request);
      },
      &api::ListImagesResponse::add_images);
}

Result<api::InspectImageResponse> ImagesApi::InspectImage(const std::string& ref) const {
  images::ImageRecord image = TRY(images_.Read(ref));
  ImageUsage usage = ReadUsage();
  api::InspectImageResponse answer;
  *answer.mutable_image() = ToApi(image, usage, Layers::kInclude);
  for (HistoryStep& step : ReadHistory(image.config_json)) {
    api::HistoryEntry* entry = answer.add_history();
    entry->set_created(std::move(step.created));
    entry->set_created_by(std::move(step.created_by));
    entry->set_comment(std::move(step.comment));
    entry->set_empty_layer(!step.layer);
    if (step.layer && *step.layer < image.chain_ids.size())
      entry->set_disk_bytes(usage.BytesOf(image.chain_ids[*step.layer]));
  }
  answer.set_config(std::move(image.config_json));
  answer.set_manifest(std::move(image.manifest_json));
  return answer;
}

grpc::Status ImagesApi::Inspect(grpc::ServerContext* context, const api::InspectImageRequest* request,
                                api::InspectImageResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Images.Inspect", request->image(), response,
               [&](Call&) -> Result<api::InspectImageResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("image", request->image(), kMostReferenceBytes));
                 return InspectImage(request->image());
               });
}

grpc::Status ImagesApi::Tag(grpc::ServerContext* context, const api::TagImageRequest* request,
                            api::TagImageResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "Images.Tag", request->image(), response,
               [&](Call&) -> Result<api::TagImageResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("image", request->image(), kMostReferenceBytes));
                 TRY(RequireText("tag", request->tag(), kMostReferenceBytes));
                 images::TaggedImage tagged = TRY(images_.Tag(request->image(), request->tag()));
                 api::TagImageResponse answer;
                 answer.set_id(std::move(tagged.id));
                 answer.set_tag(std::move(tagged.tag));
                 return answer;
               });
}

grpc::Status ImagesApi::Untag(grpc::ServerContext* context, const api::UntagImageRequest* request,
                              api::UntagImageResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "Images.Untag", request->tag(), response,
               [&](Call&) -> Result<api::UntagImageResponse> {
                 TRY(RequireEntitled(*context));
                 TRY(RequireText("tag", request->tag(), kMostReferenceBytes));
                 images::TaggedImage untagged = TRY(images_.Untag(request->tag()));
                 api::UntagImageResponse answer;
                 answer.set_id(std::move(untagged.id));
                 answer.set_tag(std::move(untagged.tag));
                 return answer;
               });
}

void ImagesApi::CountBlobs(const std::vector<images::ImageSummary>& needed,
                           api::UsageResponse::Blobs& blobs) const {
  auto kept = images_.BlobsKeptBy(needed);
  for (const images::BlobInfo& blob : images_.Blobs().value_or(std::vector<images::BlobInfo>())) {
    auto bytes = static_cast<uint64_t>(blob.disk_bytes);
    blobs.set_total(blobs.total() + 1);
    blobs.set_total_bytes(blobs.total_bytes() + bytes);
    if (!kept || kept->contains(blob.digest) || blob.in_use)
      blobs.set_active(blobs.active() + 1);
    else
      blobs.set_reclaimable_bytes(blobs.reclaimable_bytes() + bytes);
  }
}

void ImagesApi::CountUnfinished(api::UsageResponse::Unfinished& unfinished) const {
  auto loose = images_.LooseLayers();
  if (!loose) return;
  for (const images::LooseLayer& layer : *loose) {
    uint64_t bytes = BytesOfLayer(layer.chain_id);
    unfinished.set_total(unfinished.total() + 1);
    unfinished.set_total_bytes(unfinished.total_bytes() + bytes);
    if (layer.in_use)
      unfinished.set_active(unfinished.active() + 1);
    else
      unfinished.set_reclaimable_bytes(unfinished.reclaimable_bytes() + bytes);
  }
}

uint64_t ImagesApi::BlobBytesFreedBy(const std::vector<images::ImageSummary>& removed,
                                     const std::vector<images::ImageSummary>& staying, bool all) const {
  auto going = images_.BlobsKeptBy(removed);
  auto kept = images_.BlobsKeptBy(staying);
  if (!going || !kept) return 0;
  uint64_t bytes = 0;
  for (const images::BlobInfo& blob : images_.Blobs().value_or(std::vector<images::BlobInfo>()))
    if ((all || going->contains(blob.digest)) && !kept->contains(blob.digest) && !blob.in_use)
      bytes += static_cast<uint64_t>(blob.disk_bytes);
  return bytes;
}

Result<api::UsageResponse> ImagesApi::MeasureUsage() const {
  ImageUsage usage = ReadUsage();
  api::UsageResponse answer;
  api::UsageResponse::Images& images = *answer.mutable_images();
  std::vector<images::ImageSummary> unused;
  std::vector<images::ImageSummary> needed;
  for (const images::ImageSummary& image : usage.images()) {
    api::UsageResponse::ImageShare* share = answer.add_by_image();
    *share->mutable_image() = ToApi(image, usage, Layers::kOmit);
    uint64_t unique = usage.UniqueBytesOf(image);
    share->set_unique_bytes(unique);
    share->set_shared_bytes(usage.BytesOf(image) - unique);
    if (share->image().containers() > 0) images.set_active(images.active() + 1);
    bool removable = share->image().containers() == 0 && !share->image().pinned();
    (removable ? unused : needed).push_back(image);
  }
  images.set_total(static_cast<uint32_t>(usage.images().size()));
  images.set_total_bytes(usage.TotalBytes());
  images.set_reclaimable_bytes(usage.FreedBy(unused));
  CountBlobs(needed, *answer.mutable_blobs());
  CountUnfinished(*answer.mutable_unfinished());

  api::UsageResponse::Containers& containers = *answer.mutable_containers();
  int64_t deadline = UsageDeadline();
  for (const ContainerUse& container : uses_()) {
    std::optional<snapshotter::UsageReading> layer =
        snapshotter_.RecentContainerUsage(container.id, deadline);
    uint64_t bytes = layer ? layer->usage.bytes : 0;
    containers.set_total(containers.total() + 1);
    containers.set_total_bytes(containers.total_bytes() + bytes);
    if (container.running)
      containers.set_active(containers.active() + 1);
    else
      containers.set_reclaimable_bytes(containers.reclaimable_bytes() + bytes);
  }
  return answer;
}

grpc::Status ImagesApi::Usage(grpc::ServerContext* context, const api::UsageRequest*,
                              api::UsageResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Images.Usage", "", response,
               [&](Call&) -> Result<api::UsageResponse> {
                 TRY(RequireEntitled(*context));
                 return MeasureUsage();
               });
}

Result<api::PruneImagesResponse> ImagesApi::PruneImages(const api::PruneImagesRequest& request) const {
  auto may_go = [&](const images::ImageSummary& image, const ImageUsage& usage) {
    bool wanted = request.all() || (image.repo_tags.empty() && !image.pulled_by_digest);
    return wanted && !pinned_.Has(image) && usage.ContainersOf(image.id) == 0;
  };
  ImageUsage usage = ReadUsage();
  std::vector<images::ImageSummary> removed;
  std::vector<images::ImageSummary> staying;
  for (const images::ImageSummary& image : usage.images())
    (may_go(image, usage) ? removed : staying).push_back(image);
  api::UsageResponse::Unfinished unfinished;
  if (request.all()) CountUnfinished(unfinished);
  uint64_t blob_bytes = BlobBytesFreedBy(removed, staying, request.all());
  if (!request.dry_run()) {
    auto may_still_go = [&](const images::ImageSummary& image) {
      auto now = images_.Find(image.id, images::Which::kAny);
      return now && may_go(*now, {{*now}, uses_(), [](const std::string&) { return 0; }});
    };
    auto allowed = [&](const images::ImageSummary& image) -> Result<> {
      if (may_go(image, {{image}, uses_(), [](const std::string&) { return 0; }})) return {};
      return Fail(Code::kFailedPrecondition, "remove image", image.id, "it is in use since a moment ago");
    };
    auto kept = TRY(RemoveUnused(removed, may_still_go,
                                 [&](const std::string& id) { return images_.Remove(id, allowed); }));
    blob_bytes -= std::min(blob_bytes, BlobBytesFreedBy(kept, staying, /*all=*/false));
    if (request.all()) images_.RemoveLeftovers();
  }
  api::PruneImagesResponse answer;
  for (const images::ImageSummary& image : removed)
    *answer.add_removed() = ToApi(image, usage, Layers::kOmit);
  answer.set_reclaimed_bytes(usage.FreedBy(removed) + blob_bytes + unfinished.reclaimable_bytes());
  return answer;
}

grpc::Status ImagesApi::Prune(grpc::ServerContext* context, const api::PruneImagesRequest* request,
                              api::PruneImagesResponse* response) {
  return Serve(edge_, CallClass::kRemove, context, "Images.Prune", request->all() ? "all" : "untagged",
               response, [&](Call&) -> Result<api::PruneImagesResponse> {
                 TRY(RequireEntitled(*context));
                 return PruneImages(*request);
               });
}

}  // namespace davit::cri
