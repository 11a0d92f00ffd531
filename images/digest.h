// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Content digests (OCI image-spec descriptor.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct evp_md_ctx_st;

namespace davit::images {

// "sha256:" and 64, or "sha512:" and 128 lower-case hexadecimal digits. No other string may identify content
// or become part of a path.
bool IsDigest(std::string_view text);

// Computes the digest of a stream. Not thread-safe.
class Hasher {
 public:
  // Uses the algorithm of `digest`, of which only the beginning ("sha512:") matters, or sha256 if it is
  // empty.
  static Result<Hasher> For(std::string_view digest);

  void Update(std::string_view data);
  // The digest of all data so far, in the form that IsDigest accepts. Call it once.
  std::string Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  Hasher(std::unique_ptr<evp_md_ctx_st, Free> context, std::string prefix)
      : context_(std::move(context)), prefix_(std::move(prefix)) {}

  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::string prefix_;
};

Result<std::string> Sha256Of(std::string_view data);

// kDataLoss unless `data` has the digest `expected`; `name` appears in the error.
Result<> VerifyDigest(std::string_view data, std::string_view expected, std::string_view name);

// The chain ID of every layer, bottom first. For the lowest layer it is the diff ID, for each other layer the
// sha256 digest of "<chain ID of the layer below> <diff ID>" (image-spec config.md).
Result<std::vector<std::string>> ChainIds(const std::vector<std::string>& diff_ids);

}  // namespace davit::images
