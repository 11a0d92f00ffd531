// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Asks programs of the operator whether an image may be pulled, by the contract of containerd's bindir
// verifiers (https://github.com/containerd/containerd/blob/main/docs/image-verification.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "images/interrupt.h"
#include "images/manifest.h"

namespace davit::images {

// What an operator may want to know of a check that has not refused the image.
struct VerifierNote {
  std::string verifier;  // path of the program, or of the directory
  std::string image;     // its name
  std::string text;      // one line
  bool warning = false;  // less was checked than the configuration looks like
};

// Thread-safe.
class ImageVerifier {
 public:
  struct Config {
    std::string directory;        // absolute path; empty: every image is allowed
    int max_verifiers = 10;       // those after the first so many are not asked; negative: no limit
    int64_t timeout_ms = 10'000;  // of each
    std::string runner;           // absolute path of davit-verify
    std::function<void(const VerifierNote&)> report = nullptr;  // called on any thread; may be empty
  };

  explicit ImageVerifier(Config config) : config_(std::move(config)) {}

  // Calls the programs in the directory one after the other, as root, each with `-name NAME -digest DIGEST
  // -stdin-media-type application/vnd.oci.descriptor.v1+json` and `image`, as JSON, on stdin. Exit code 0
  // allows the image; stdout is the reason, of which the first 32 KiB count. A directory that is absent or
  // empty allows every image.
  //
  // Errors have Reason::kSignatureValidationFailed: kPermissionDenied if a program refuses the image, with
  // its reason; kDeadlineExceeded; kFailedPrecondition (ListVerifiers); others if a program cannot be run.
  // Only kCancelled, from `interrupt`, has no reason. When this returns, every process that a verifier has
  // started is dead or killed. They have none of the daemon's descriptors, and of its environment only what
  // is needed to reach a registry.
  Result<> Verify(const std::string& name, const Descriptor& image, const Interrupt& interrupt) const;

 private:
  Result<> AskAll(const std::string& name, const Descriptor& image, const Interrupt& interrupt) const;
  Result<> Ask(const std::string& program, const std::string& name, const Descriptor& image,
               const Interrupt& interrupt) const;
  void Report(VerifierNote note) const;

  const Config config_;
};

}  // namespace davit::images
