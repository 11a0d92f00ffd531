// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images of this node: pulled, looked up, removed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/blob_source.h"
#include "images/blob_store.h"
#include "images/image_lookup.h"
#include "images/image_record.h"
#include "images/image_resolve.h"
#include "images/interrupt.h"
#include "images/layer_store.h"
#include "images/pull_progress.h"
#include "images/registry_auth.h"
#include "images/retention.h"
#include "images/retry_policy.h"

namespace davit::images {

struct PullRequest {
  std::string reference;  // as a user writes it: "busybox", "localhost:5000/a/b:1", "...@sha256:..."
  std::optional<RegistryAuth> auth;
  int64_t deadline_ms = 0;  // MonotonicMilliseconds(); 0: none
  // Called on several threads, several times a second, until Pull returns. Empty: never cancelled.
  std::function<bool()> cancelled;
  // Receives the progress of the pull that the request has joined or begun, before it waits. Called again if
  // all other callers give that pull up and it starts over. Empty: nobody looks.
  std::function<void(std::shared_ptr<const PullProgress>)> on_progress = nullptr;
};

struct TaggedImage {
  std::string id;
  std::string tag;  // normalised
};

// Thread-safe. The process must ignore SIGPIPE: a registry or an unpacker may close its end at any time.
class ImageStore final : public ImageLookup {
 public:
  struct Config {
    std::string certs_d;  // directories with <host>/hosts.toml, separated by ':'; read again at every pull
    std::string unpack_program;  // absolute path of davit-unpack
    std::string platform_os;     // empty: this host's, as Go names them ("linux")
    std::string arch;            // empty: this host's, as Go names them ("amd64", "arm64")
    int parallel_layers = 3;     // per pull
    // A transfer that is slower than this many bytes per second for this many seconds is aborted.
    int64_t low_speed_bytes = 1024;
    int low_speed_seconds = 30;
    int connect_timeout_seconds = 30;
    RetryLimits retry;
    Retention retention;
  };

  // Reads the records. The record of an image that lacks a layer (its files were deleted by hand) is removed,
  // so that the next pull fetches it again. `layers`, `records` and `blobs` must outlive the store.
  static Result<std::unique_ptr<ImageStore>> Open(Config config, LayerStore& layers, ImageRecords& records,
                                                  BlobStore& blobs);
  ~ImageStore() override;

  // Always resolves the reference at the registry, then fetches what is missing. Blocks. Concurrent calls
  // with the same reference and credentials share one pull, which continues as long as one of the callers
  // wants it. An image for another architecture is pulled, with a warning: an emulator may run it, and the
  // registry offers no other. On failure, finished layers stay for a retry as Config::retention says, and
  // the error names host, object and reason: kNotFound, kUnauthenticated, kPermissionDenied, kDataLoss
  // (digest, length, malformed compression), kInvalidArgument (not an image, a hostile layer), kUnavailable,
  // kResourceExhausted, kDeadlineExceeded, kCancelled.
  Result<PulledImage> Pull(const PullRequest& request);

  // The platform whose images this store takes.
  Platform platform() const;

  // Adds an image that does not come from a registry (image_resolve.h, DescribeImage), with the layers that
  // the source has. They are unpacked, verified and recorded as in Pull, under the names in the record.
  Result<PulledImage> Add(const ResolvedImage& image, BlobSource& source, const Interrupt& wanted);

  // Marks an image as one that the kubelet must not remove. Durable. The errors of Find.
  Result<> Pin(const std::string& ref);

  // Checks credentials at a registry with the settings that a pull from it would use. `registry` is the host
  // of a reference ("docker.io"); kInvalidArgument for anything else. Blocks until `cancelled`.
  Result<> CheckCredentials(const std::string& registry, const RegistryAuth& auth,
                            std::function<bool()> cancelled) const;

  // Finds an image by id, by tag or digest reference in any form that Pull accepts, or by an unambiguous
  // prefix of the id's digits. kNotFound; kInvalidArgument for an ambiguous prefix.
  Result<ImageSummary> Find(const std::string& ref) const;
  std::vector<ImageSummary> List() const;  // ordered by id

  // Finds an image and reads its documents from the records. The errors of Find.
  Result<ImageRecord> Read(const std::string& ref) const;

  // Gives the image that `ref` names another tag, durably; another image that has the tag loses it. `tag` is
  // a reference without a digest. The errors of Find; kInvalidArgument for a bad tag.
  Result<TaggedImage> Tag(const std::string& ref, const std::string& tag);
  // Removes a tag, durably, from the image that has it; the image stays. kNotFound; kInvalidArgument for a
  // bad tag.
  Result<TaggedImage> Untag(const std::string& tag);

  // Removes the image that `ref` names, with all its tags and digests, as the CRI requires. Its layers and
  // blobs are removed unless another image or a hold needs them. An unknown image is not an error.
  Result<> Remove(const std::string& ref);

  Result<HeldImage> FindAndHold(const std::string& ref) override;
  // What the content store has: complete and partial blobs.
  Result<std::vector<BlobInfo>> Blobs() const;

  // Removes those of these blobs that no image keeps and no hold needs: they are of no use for a retry.
  void DropBlobs(const std::vector<std::string>& digests);

  // Starts to remove, in the background, what failed pulls have left (Retention). Call it once, when all
  // containers have their holds.
  void SweepRegularly();

  LayerHold Hold(std::vector<std::string> chain_ids) override;
  void KeepReleased() override;
  std::set<std::string> LiveLayers() const override;

 private:
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace davit::images
