// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a layer: decompression, headers, PAX records, sparse maps. The first byte says in which pieces
// they come.
#include <cstdint>

#include "images/unpack/decompress.h"
#include "images/unpack/layer_path.h"
#include "images/unpack/tar_reader.h"

namespace davit::images {
namespace {

Result<> Read(std::string_view data, size_t chunk) {
  UnpackLimits limits;
  limits.stream_bytes = 64 << 20;
  limits.entries = 10'000;
  auto input = ChunksOf(data, chunk);
  auto plain = TRY(Decompress(*input));
  TarReader reader(*plain, limits);
  while (auto entry = TRY(reader.Next())) {
    (void)CleanLayerPath(entry->name, limits);
    while (!TRY(reader.ReadData()).empty()) {
    }
  }
  return reader.Drain();
}

}  // namespace
}  // namespace davit::images

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  (void)davit::images::Read({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0] * 7 + 1);
  return 0;
}
