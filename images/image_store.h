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
#include "images/image_health.h"
#include "images/image_lookup.h"
#include "images/image_record.h"
#include "images/image_resolve.h"
#include "images/interrupt.h"
#include "images/layer_store.h"
#include "images/registry_auth.h"
#include "images/registry_client.h"
#include "images/retention.h"
#include "images/retry_policy.h"
#include "images/transfer_progress.h"
#include "images/verify/image_verifier.h"

namespace davit::images {

struct PullRequest {
  std::string reference;  // as a user writes it: "busybox", "localhost:5000/a/b:1", "...@sha256:..."
  std::optional<RegistryAuth> auth;
  int64_t deadline_ms = 0;  // MonotonicMilliseconds(); 0: none
  // Called on several threads, several times a second, until Pull returns. Empty: never cancelled.
  std::function<bool()> cancelled;
  // Receives the progress of the pull that the request has joined or begun, before it waits. Called again if
  // all other callers give that pull up and it starts over. Empty: nobody looks.
  std::function<void(std::shared_ptr<const TransferProgress>)> on_progress = nullptr;
};

struct RepairRequest {
  std::string reference;            // of an image of this node, as for Find
  std::vector<RegistryAuth> auths;  // of the registries that it came from, each with its server address
  std::function<bool()> cancelled;  // as in PullRequest
  // Receives what was found, and the progress of the repair if there is one. Both may be empty.
  std::function<void(const ImageHealth&)> on_found = nullptr;
  std::function<void(std::shared_ptr<const TransferProgress>)> on_progress = nullptr;
};

// What CheckAfterStart found. Images are named by a tag if they have one, else by their ids.
struct StartFindings {
  size_t layers_checked = 0;
  std::vector<std::string> damaged_layers;  // chain IDs
  std::vector<std::string> repaired;        // images
  std::vector<std::string> forgotten;       // images
  std::vector<std::string> postponed;       // images; the next call tries again to restore them
};

// A layer that no image has.
struct LooseLayer {
  std::string chain_id;
  bool in_use = false;  // by a pull in progress, or by a container whose image was removed
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
    // The same while another host was not asked yet, for all layers that are fetched at once in sum.
    int64_t fair_speed_bytes = 64 << 10;
    int connect_timeout_seconds = 30;
    RetryLimits retry;
    Retention retention;
    ImageVerifier::Config verifier;
  };

  // Reads the records. An image that lacks a layer is incomplete; CheckAfterStart decides about it. `layers`,
  // `records` and `blobs` must outlive the store.
  static Result<std::unique_ptr<ImageStore>> Open(Config config, LayerStore& layers, ImageRecords& records,
                                                  BlobStore& blobs);
  ~ImageStore() override;

  // Always resolves the reference at the registry, asks the image verifiers, also about an image that the
  // node has, then fetches what is missing. Blocks. Concurrent calls with the same reference and credentials
  // share one pull, which continues as long as one of the callers wants it. An image for another architecture
  // is pulled, with a warning: an emulator may run it, and the registry offers no other. On failure, finished
  // layers stay for a retry as Config::retention says, and the error names host, object and reason:
  // kNotFound, kUnauthenticated, kPermissionDenied, kDataLoss (digest, length, malformed compression),
  // kInvalidArgument (not an image, a hostile layer), kUnavailable, kResourceExhausted, kDeadlineExceeded,
  // kCancelled, and those of ImageVerifier.
  Result<PulledImage> Pull(const PullRequest& request);

  // The platform whose images this store takes.
  Platform platform() const;
  // The settings of transfers from and to registries.
  RegistryClient::Options transfers() const;

  // Adds an image that does not come from a registry (image_resolve.h, DescribeImage), with the layers that
  // the source has. They are unpacked, verified and recorded as in Pull, under the names in the record. Image
  // verifiers are not asked: who may add images from archives is root. Before the record is written,
  // `keep_blobs` is called: it puts what is to stay into the blob store.
  Result<PulledImage> Add(const ResolvedImage& image, BlobSource& source, const Interrupt& wanted,
                          TransferProgress& progress, const std::function<Result<>()>& keep_blobs);

  // Marks an image as one that the kubelet must not remove. Durable. The errors of Find.
  Result<> Pin(const std::string& ref);

  // Checks credentials at a registry with the settings that a pull from it would use. `registry` is the host
  // of a reference ("docker.io"); kInvalidArgument for anything else. Blocks until `cancelled`.
  Result<> CheckCredentials(const std::string& registry, const RegistryAuth& auth,
                            std::function<bool()> cancelled) const;

  // Finds an image by id, by tag or digest reference in any form that Pull accepts, or by an unambiguous
  // prefix of the id's digits. kNotFound; kInvalidArgument for an ambiguous prefix. All other calls
  // but FindAndHold find incomplete images as well.
  Result<ImageSummary> Find(const std::string& ref, Which which = Which::kListed) const;
  std::vector<ImageSummary> List(Which which = Which::kListed) const;  // ordered by id

  // Finds an image and reads its config and manifest from the records. The errors of Find.
  Result<ImageRecord> Read(const std::string& ref) const;
  Result<ImageRecord> ReadWithIndexes(const std::string& ref) const;

  // Records that a registry has the image, as "registry.example/app@sha256:...", durably. The errors of Find.
  Result<> AddRepoDigest(const std::string& ref, const std::string& repo_digest);

  // Gives the image that `ref` names another tag, durably; another image that has the tag loses it. `tag` is
  // a reference without a digest. The errors of Find; kInvalidArgument for a bad tag.
  Result<TaggedImage> Tag(const std::string& ref, const std::string& tag);
  // Removes a tag, durably, from the image that has it; the image stays. kNotFound; kInvalidArgument for a
  // bad tag.
  Result<TaggedImage> Untag(const std::string& tag);

  // Removes the image that `ref` names, with all its tags and digests, as the CRI requires. Its layers and
  // blobs are removed unless another image or a hold needs them. An unknown image is not an error.
  // `allowed` may refuse it with an error. A container that was made known to it before a successful Settle
  // is seen by it, or the removal was complete before.
  Result<> Remove(
      const std::string& ref, const std::function<Result<>(const ImageSummary&)>& allowed =
                                  [](const ImageSummary&) { return Result<>(); });

  // Compares the image with what was recorded of it. Layers in `checked` are not checked again; those that
  // are checked are added. The errors of Find; kCancelled.
  Result<ImageHealth> Verify(const std::string& ref, CheckDepth depth, const Interrupt& wanted,
                             CheckedLayers& checked);
  // Verifies the image with its contents, and fetches again what is damaged: from the blobs that the node
  // keeps, else from the registries that the image came from. A layer is replaced in one step, once the new
  // one is whole and durable: containers that run keep the old one. Returns what was found before. The errors
  // of Verify and Pull; after an error the image is as it was, apart from what is mended already; if it
  // lacks a layer then, it is incomplete. An incomplete image that has been repaired is listed again.
  Result<ImageHealth> Repair(const RepairRequest& request);

  // Decides about the images that lack a layer and, after a boot of the host, about those that have layers
  // from the boot before: of these, names and sizes are compared, and damaged ones are taken away. What the
  // blobs on the node, or else the registries that the image came from, can restore is listed again; the
  // registries get no credentials. What cannot be restored for a reason that may pass, such as a full disk or
  // a registry that does not answer, stays incomplete, without blobs on the node as long as Retention says.
  // All others are forgotten: the next pull fetches only the layers that are lost, because the others stay as
  // leftovers. May take a while, at most 20 minutes per image; call it on one thread, when all containers
  // have their holds.
  StartFindings CheckAfterStart(const Interrupt& wanted);

  // Listed images only.
  Result<HeldImage> FindAndHold(const std::string& ref) override;
  Result<> Settle(const std::string& id) override;
  // What the content store has: complete and partial blobs.
  Result<std::vector<BlobInfo>> Blobs() const;
  // The digests of the blobs that stay as long as these images do.
  Result<std::set<std::string>> BlobsKeptBy(std::vector<ImageSummary> images) const;

  // Removes those of these blobs that no image keeps and no hold needs: they are of no use for a retry.
  void DropBlobs(const std::vector<std::string>& digests);

  // The layers that no image has: those that failed pulls have left (Retention), and those in use.
  Result<std::vector<LooseLayer>> LooseLayers() const;
  // Removes at once what failed pulls have left, layers and blobs, but nothing that a pull in progress uses.
  // Call it when all containers have their holds.
  void RemoveLeftovers();

  // Starts to remove, in the background, what failed pulls have left (Retention). Call it once, when all
  // containers have their holds.
  void SweepRegularly();

  LayerHold Hold(std::vector<std::string> chain_ids) override;
  void KeepReleased() override;
  std::set<std::string> LiveLayers() const override;

 private:
  Result<HeldImage> FindAndHold(const std::string& ref, Which which);

  struct State;
  explicit ImageStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace davit::images
