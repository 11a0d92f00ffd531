// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A sink that keeps the blob in memory, and may have a part of it from the start.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "images/blob_stream.h"

namespace davit::images {

struct BlobRecorder : public BlobSink {
  Result<> Begin() override {
    ++begins;
    text.clear();
    return {};
  }
  Result<> Write(std::string_view piece) override {
    if (full) return Fail(Code::kResourceExhausted, "write", "disk", "full");
    text += piece;
    return {};
  }

  std::string Kept(int64_t position) override {
    return static_cast<size_t>(position) < kept.size() ? kept.substr(static_cast<size_t>(position), 3) : "";
  }
  void Discard() override {
    ++discards;
    kept.clear();
  }

  std::string kept;
  int begins = 0;
  int discards = 0;
  bool full = false;
  std::string text;
};

}  // namespace davit::images
