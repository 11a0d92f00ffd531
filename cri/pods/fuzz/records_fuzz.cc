// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as records of pods. The first byte chooses. What was accepted must be written and read the same
// way again.
#include <cstdint>
#include <cstdlib>

#include "cri/pods/pod_records.h"

namespace davit::cri {
namespace {

template <typename Record>
void Read(std::string_view bytes) {
  auto record = Decode<Record>(bytes, "fuzz");
  if (!record) return;
  std::string written = Encode(*record);
  auto again = Decode<Record>(written, "fuzz");
  if (!again || Encode(*again) != written) std::abort();
}

}  // namespace
}  // namespace davit::cri

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    davit::cri::Read<davit::cri::SandboxRecord>(bytes);
  else
    davit::cri::Read<davit::cri::ContainerRecord>(bytes);
  return 0;
}
