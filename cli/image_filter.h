// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The filters of davit images, and what they look at.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/daemon.h"
#include "cli/filter.h"

namespace davit::cli {

// What an image's configuration says.
struct ImageFacts {
  int64_t created = 0;  // nanoseconds since 1970; 0: not known
  std::map<std::string, std::string> labels = {};
};

// An image that is gone meanwhile has no facts.
Result<ImageFacts> ReadImageFacts(const Daemon& daemon, const std::string& image);

// "busybox" for "docker.io/library/busybox": as people write it.
std::string FamiliarName(const std::string& name);

class ImageFilter {
 public:
  // `reference`, unless it is empty, is one more filter of this name: NAME[:TAG], in which "*", "?" and
  // "[...]" stand for other letters.
  static Result<ImageFilter> Parse(const std::vector<std::string>& filters, const std::string& reference);

  // Asks the daemon for the images of before and since. kNotFound if there is no such image.
  Result<> Resolve(const Daemon& daemon);

  // Whether names satisfy the references; of images without names only those that nobody asks for by name.
  bool TakesName(const std::string& tag) const;
  // All but the references. After Resolve.
  bool Takes(const api::Image& image, const ImageFacts& facts) const;
  bool HasReferences() const { return filters_.Has("reference"); }

 private:
  Filters filters_;
  std::optional<bool> dangling_;
  std::optional<int64_t> before_;
  std::optional<int64_t> since_;
};

}  // namespace davit::cli
