// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/image_push.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "images/blob_source.h"
#include "images/push/blob_push.h"
#include "images/push/image_tree.h"
#include "images/push/push_target.h"

namespace davit::images {
namespace {

// Another repository of the same registry that the image came from; empty if there is none.
std::string RepositoryToMountFrom(const ImageRecord& image, const Reference& target) {
  for (const std::string& repo_digest : image.repo_digests) {
    auto source = ParseReference(repo_digest);
    if (source && source->host == target.host && source->repository != target.repository)
      return source->repository;
  }
  return {};
}

// What sources are asked with: the credentials of the target are for its host, and no other gets them.
std::vector<RegistryAuth> SourceAuths(const PushRequest& request) {
  if (!request.source_auths.empty() || !request.auth) return request.source_auths;
  RegistryAuth auth = *request.auth;
  if (auth.server_address.empty()) auth.server_address = request.target.host;
  return {auth};
}

std::vector<std::string> SourcesOf(const ImageRecord& image, const PushRequest& request) {
  std::vector<std::string> sources = image.repo_digests;
  sources.insert(sources.end(), request.origins.begin(), request.origins.end());
  return sources;
}

// The digests of the indexes that the image came by; that of the target first.
std::vector<std::string> IndexesOf(const ImageRecord& image, const std::string& manifest_digest,
                                   const Reference& target) {
  constexpr size_t kMost = 4;  // each one costs requests
  std::vector<std::string> digests;
  for (const std::string& repo_digest : image.repo_digests) {
    auto reference = ParseReference(repo_digest);
    if (!reference || reference->digest == manifest_digest) continue;
    if (std::ranges::find(digests, reference->digest) != digests.end()) continue;
    digests.insert(reference->digest == target.digest ? digests.begin() : digests.end(), reference->digest);
  }
  if (digests.size() > kMost) digests.resize(kMost);
  return digests;
}

// Knows whether it was a source that had no content to push, and not the target.
class NotedSource : public BlobSource {
 public:
  explicit NotedSource(BlobSource& source) : source_(source) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override {
    WatchedSink watched(sink);
    auto sent = source_.Send(descriptor, watched);
    if (!sent && !watched.failed() && sent.error().code != Code::kCancelled) failed_ = true;
    return sent;
  }
  bool failed() const { return failed_; }

 private:
  BlobSource& source_;
  std::atomic<bool> failed_ = false;
};

// One attempt to push an image, with all that lives as long as it.
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
        registries_(SourcesOf(image, request), SourceAuths(request), config.transfer, interrupt_) {
    if (blobs) stored_.emplace(*blobs, interrupt_);
    std::vector<BlobSource*> sources = {&config_source_};
    if (stored_) sources.push_back(&*stored_);
    sources.push_back(&registries_);
    sources_.emplace(std::move(sources));
    noted_.emplace(*sources_);
  }

  // The first of these indexes that can be fetched and has the manifest.
  Result<ImageTree> FetchIndex(const std::vector<std::string>& digests, const std::string& manifest_digest) {
    Result<ImageTree> fetched;
    for (const std::string& digest : digests) {
      fetched = FetchImageTree(image_, registries_, digest);
      TRY(interrupt_.Check());
      if (fetched && fetched->Has(manifest_digest)) break;
      if (fetched) fetched = Fail(Code::kNotFound, "read index", digest, "it does not have this image");
    }
    return fetched;
  }

  Result<PushedImage> Run(const ImageTree& tree, TransferProgress& progress) {
    const ImageTree::Document& root = tree.root();
    if (!request_.target.digest.empty() && request_.target.digest != root.digest)
      return Fail(Code::kInvalidArgument, "", "", "the image's manifest has digest " + root.digest);
    target_ =
        TRY(PushTarget::Connect(request_.target, request_.auth, mount_from_, config_.transfer, interrupt_));
    LongPieceTurn long_pieces;
    BlobPushContext context{
        target_->client(), target_->host(), *noted_,    mount_from_, config_.transfer.retry,
        config_.upload,    long_pieces,     interrupt_, progress};
    TRY(PushBlobs(context, tree.blobs, static_cast<size_t>(std::max(1, config_.parallel_blobs))));
    for (const ImageTree::Document& document : tree.documents)
      TRY(Put(document, &document == &root ? request_.target.Object() : document.digest));
    return PushedImage{root.digest, root.bytes.size(), ""};
  }

  // True if Run has failed because some content cannot be had.
  bool lacks_content() const { return noted_->failed(); }

 private:
  Result<> Put(const ImageTree::Document& document, const std::string& name) {
    auto put = RunAttemptsAtOneHost(config_.transfer.retry, interrupt_, [&] {
      return target_->client().PutManifest(name, document.media_type, document.bytes, document.digest);
    });
    if (put) return {};
    Error error = std::move(put).error();
    if (error.step.empty()) {
      error.subject = "manifest " + document.digest;
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
  std::optional<BlobSources> sources_;
  std::optional<NotedSource> noted_;
  std::unique_ptr<PushTarget> target_;
};

// "fetch registry.example/app@sha256:...: ..."
std::string WhyOf(const Error& error) {
  std::string what = error.step.empty() ? error.subject : error.step + " " + error.subject;
  return what.empty() ? error.context : what + ": " + error.context;
}

}  // namespace

Result<PushedImage> ImagePusher::PushAsMuchAsThereIs(const ImageRecord& image, const PushRequest& request,
                                                     const Interrupt& interrupt,
                                                     TransferProgress& progress) const {
  ImageTree platform = TRY(TreeOfManifest(image.manifest_json));
  const std::string& digest = platform.root().digest;
  std::vector<std::string> indexes = IndexesOf(image, digest, request.target);
  std::string why_not_all;
  if (!indexes.empty() && request.target.digest != digest) {
    ImagePush push(config_, blobs_, image, request, interrupt);
    Result<ImageTree> whole = push.FetchIndex(indexes, digest);
    Result<PushedImage> pushed = whole ? push.Run(*whole, progress) : std::unexpected(whole.error());
    if (pushed || (whole && !push.lacks_content()) || !request.target.digest.empty()) return pushed;
    TRY(interrupt.Check());
    why_not_all = WhyOf(pushed.error());
  }
  PushedImage pushed = TRY(ImagePush(config_, blobs_, image, request, interrupt).Run(platform, progress));
  if (!why_not_all.empty()) {
    pushed.warning =
        "only the manifest for this node's platform was pushed, not the index with all platforms: " +
        why_not_all;
  }
  return pushed;
}

Result<PushedImage> ImagePusher::Push(const ImageRecord& image, const PushRequest& request,
                                      const Interrupt& interrupt, TransferProgress& progress) const {
  auto pushed = PushAsMuchAsThereIs(image, request, interrupt, progress);
  if (pushed) return pushed;
  std::string target = request.target.Normalised();
  if (auto check = interrupt.Check(); !check) return std::unexpected(Within("push " + target, check.error()));
  return Fail(pushed.error().code, "push", target, WhyOf(pushed.error()));
}

}  // namespace davit::images
