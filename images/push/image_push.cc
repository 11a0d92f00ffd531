// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/image_push.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json_object.h"
#include "images/blob_source.h"
#include "images/digest.h"
#include "images/manifest.h"
#include "images/push/blob_push.h"
#include "images/push/push_target.h"

namespace davit::images {
namespace {

// A manifest as it is stored. Only OCI's may lack its own type.
Result<std::string> TypeOf(const std::string& manifest_json) {
  std::string type = TRY(JsonObject::Parse(manifest_json, "manifest")).String("mediaType");
  return type.empty() ? std::string(kOciManifestMediaType) : type;
}

// Layers first, each blob once. The config is the smallest and last: an image seems to end with it.
Result<std::vector<Descriptor>> BlobsOf(const std::string& manifest_json) {
  auto parsed = TRY(ParseManifest(manifest_json, ""));
  const Manifest* manifest = std::get_if<Manifest>(&parsed);
  if (!manifest) return Fail(Code::kInternal, "read", "manifest", "is an index");
  std::vector<Descriptor> blobs;
  auto add = [&blobs](const Descriptor& blob) {
    if (std::ranges::find(blobs, blob.digest, &Descriptor::digest) == blobs.end()) blobs.push_back(blob);
  };
  for (const Descriptor& layer : manifest->layers) add(layer);
  add(manifest->config);
  return blobs;
}

// Another repository of the same registry that the image came from; empty if there is none.
std::string RepositoryToMountFrom(const ImageRecord& image, const Reference& target) {
  for (const std::string& repo_digest : image.repo_digests) {
    auto source = ParseReference(repo_digest);
    if (source && source->host == target.host && source->repository != target.repository)
      return source->repository;
  }
  return {};
}

// What a source is asked with: the credentials of the target are for its host, and no other gets them.
std::optional<RegistryAuth> SourceAuth(const PushRequest& request) {
  if (request.source_auth || !request.auth) return request.source_auth;
  RegistryAuth auth = *request.auth;
  if (auth.server_address.empty()) auth.server_address = request.target.host;
  return auth;
}

// One push, with all that lives as long as it.
class ImagePush {
 public:
  ImagePush(const ImagePusher::Config& config, const BlobStore* blobs, const ImageRecord& image,
            const PushRequest& request, const Interrupt& interrupt)
      : config_(config),
        image_(image),
        request_(request),
        interrupt_([&interrupt] { return interrupt.Check().has_value(); }),
        mount_from_(RepositoryToMountFrom(image, request.target)),
        config_source_(image.id, image.config_json),
        registries_(image.repo_digests, SourceAuth(request), config.transfer, interrupt_) {
    if (blobs) stored_.emplace(*blobs, interrupt_);
  }

  Result<PushedImage> Run(PushObserver* observer) {
    std::string digest = TRY(Sha256Of(image_.manifest_json));
    if (!request_.target.digest.empty() && request_.target.digest != digest)
      return Fail(Code::kInvalidArgument, "", "", "the image's manifest has digest " + digest);
    std::vector<Descriptor> blobs = TRY(BlobsOf(image_.manifest_json));
    target_ =
        TRY(PushTarget::Connect(request_.target, request_.auth, mount_from_, config_.transfer, interrupt_));
    BlobSources sources(Sources());
    BlobPushContext context{target_->client(),      target_->host(), sources,    mount_from_,
                            config_.transfer.retry, config_.upload,  interrupt_, observer};
    TRY(PushBlobs(context, blobs, static_cast<size_t>(std::max(1, config_.parallel_blobs))));
    TRY(PutManifest(digest));
    return PushedImage{digest, image_.size};
  }

 private:
  std::vector<BlobSource*> Sources() {
    std::vector<BlobSource*> sources = {&config_source_};
    if (stored_) sources.push_back(&*stored_);
    sources.push_back(&registries_);
    return sources;
  }

  Result<> PutManifest(const std::string& digest) {
    std::string type = TRY(TypeOf(image_.manifest_json));
    auto put = RunAttemptsAtOneHost(config_.transfer.retry, interrupt_, [&] {
      return target_->client().PutManifest(request_.target.Object(), type, image_.manifest_json, digest);
    });
    if (put) return {};
    Error error = std::move(put).error();
    if (error.step.empty()) {
      error.subject = "manifest " + digest;
      error.context = target_->host() + " " + error.context;
    }
    return std::unexpected(std::move(error));
  }

  const ImagePusher::Config& config_;
  const ImageRecord& image_;
  const PushRequest& request_;
  Interrupt interrupt_;
  const std::string mount_from_;
  DocumentSource config_source_;
  RegistryBlobSource registries_;
  std::optional<StoredBlobSource> stored_;
  std::unique_ptr<PushTarget> target_;
};

}  // namespace

Result<PushedImage> ImagePusher::Push(const ImageRecord& image, const PushRequest& request,
                                      const Interrupt& interrupt, PushObserver* observer) const {
  ImagePush push(config_, blobs_, image, request, interrupt);
  auto pushed = push.Run(observer);
  if (pushed) return pushed;
  std::string target = request.target.Normalised();
  if (auto check = interrupt.Check(); !check) return std::unexpected(Within("push " + target, check.error()));
  Error error = std::move(pushed).error();
  std::string what = error.step.empty() ? error.subject : error.step + " " + error.subject;
  std::string why = what.empty() ? error.context : what + ": " + error.context;
  return Fail(error.code, "push", target, why);
}

}  // namespace davit::images
