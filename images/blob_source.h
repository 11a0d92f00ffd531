// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the blobs of a stored image come from when they are needed again. The node does not keep the blobs of
// layers once they are unpacked.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/blob_store.h"
#include "images/blob_stream.h"
#include "images/foreign_layers.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/reference.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"

namespace davit::images {

// Remembers whether the sink failed: then no other source can help.
class WatchedSink : public BlobSink {
 public:
  // `sink` must outlive the object.
  explicit WatchedSink(BlobSink& sink) : sink_(sink) {}

  Result<> Begin() override { return Watch(sink_.Begin()); }
  Result<> Write(std::string_view piece) override { return Watch(sink_.Write(piece)); }
  std::string Kept(int64_t position) override { return sink_.Kept(position); }
  void Discard() override { sink_.Discard(); }
  bool failed() const { return failed_; }

 private:
  Result<> Watch(Result<> result);

  BlobSink& sink_;
  bool failed_ = false;
};

// Thread-safe.
class BlobSource {
 public:
  virtual ~BlobSource() = default;

  // Sends the blob to the sink. Its size and digest are verified when this returns without an error.
  // kNotFound if the source does not have it.
  virtual Result<> Send(const Descriptor& descriptor, BlobSink& sink) = 0;
};

// A document in memory, such as an image's config.
class DocumentSource : public BlobSource {
 public:
  // `document` must outlive the source.
  DocumentSource(std::string digest, const std::string& document)
      : digest_(std::move(digest)), document_(document) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

 private:
  const std::string digest_;
  const std::string& document_;
};

// The blobs that the node keeps.
class StoredBlobSource : public BlobSource {
 public:
  // Both must outlive the source.
  StoredBlobSource(const BlobStore& blobs, const Interrupt& interrupt)
      : blobs_(blobs), interrupt_(interrupt) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

 private:
  const BlobStore& blobs_;
  const Interrupt& interrupt_;
};

// The registries that the image came from, by its repo digests. They are asked for blobs only: digests
// identify these, so it does not matter whether the image is still there under its name.
class RegistryBlobSource : public BlobSource {
 public:
  // `interrupt` must outlive the source. Digests that are no references are ignored. A registry gets the
  // first of `auths` whose server address names it; one without a server address is used only if all
  // repositories are of one registry: an archive may name any registry.
  RegistryBlobSource(const std::vector<std::string>& repo_digests, std::vector<RegistryAuth> auths,
                     RegistryClient::Options options, const Interrupt& interrupt);

  // Asks the repositories in order until one sends the blob. Of several errors, returns one that may pass,
  // else one of a registry that refuses who asks.
  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

  // The manifest or index with this digest, verified; the repositories are asked in the same way.
  Result<ManifestDocument> FetchManifest(const std::string& digest);

 private:
  std::optional<RegistryAuth> AuthFor(const std::string& host) const;
  Result<RegistryClient*> ClientOf(const Reference& repository);

  const std::vector<Reference> repositories_;
  const std::vector<RegistryAuth> auths_;
  const RegistryClient::Options options_;
  const Interrupt& interrupt_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<RegistryClient>> clients_ GUARDED_BY(mutex_);  // by Reference::Name
};

// The registry that an image is pulled from. A layer that it may not distribute comes from the URLs in the
// descriptor.
class PullSource : public BlobSource {
 public:
  // All must outlive the source.
  PullSource(RegistryClient& registry, ForeignLayers& foreign, const Interrupt& interrupt)
      : registry_(registry), foreign_(foreign), interrupt_(interrupt) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

 private:
  RegistryClient& registry_;
  ForeignLayers& foreign_;
  const Interrupt& interrupt_;
};

// Several sources, which are asked in order until one sends the blob. The errors of RegistryBlobSource.
class BlobSources : public BlobSource {
 public:
  // The sources must outlive the object.
  explicit BlobSources(std::vector<BlobSource*> sources) : sources_(std::move(sources)) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

 private:
  const std::vector<BlobSource*> sources_;
};

}  // namespace davit::images
