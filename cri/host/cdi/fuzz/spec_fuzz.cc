// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a description of devices, in both syntaxes. Every device of one that is accepted can be asked
// for.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cri/host/cdi/spec.h"

namespace davit::cri::cdi {
namespace {

void Read(Syntax syntax, std::string_view text) {
  Result<Spec> spec = ParseSpec("fuzz", syntax, text);
  if (!spec) {
    if (spec.error().ToString().empty()) std::abort();
    return;
  }
  if (spec->devices.empty()) std::abort();
  for (const Device& device : spec->devices) {
    if (!ParseQualifiedName(spec->kind + "=" + device.name)) std::abort();
  }
}

}  // namespace
}  // namespace davit::cri::cdi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  davit::cri::cdi::Read(davit::cri::cdi::Syntax::kJson, text);
  davit::cri::cdi::Read(davit::cri::cdi::Syntax::kYaml, text);
  return 0;
}
