// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as each text that comes from a registry, a user or an administrator. The first byte chooses.
#include <cstdint>
#include <cstdlib>

#include "images/auth_challenge.h"
#include "images/image_config.h"
#include "images/manifest.h"
#include "images/reference.h"
#include "images/registry_host.h"
#include "images/url.h"

namespace davit::images {
namespace {

// What was accepted must be read the same way again.
void ReadReference(std::string_view text) {
  auto reference = ParseReference(text);
  if (!reference) return;
  for (const std::string& form : {reference->Normalised(), reference->Familiar()}) {
    auto again = ParseReference(form);
    if (!again || again->Normalised() != reference->Normalised()) std::abort();
  }
}

void ReadManifest(std::string_view text) {
  auto parsed = ParseManifest(text, "");
  if (!parsed) return;
  if (const Index* index = std::get_if<Index>(&*parsed)) (void)ChoosePlatform(*index, HostPlatform());
}

void ReadLocation(std::string_view text) {
  auto url = ResolveUrl(*ParseUrl("https://host/v2/"), std::string(text));
  if (url && url->scheme != "http" && url->scheme != "https") std::abort();
}

void Read(unsigned kind, std::string_view text) {
  switch (kind % 6) {
    case 0:
      return ReadReference(text);
    case 1:
      return ReadManifest(text);
    case 2:
      return (void)ParseImageConfig(text);
    case 3:
      return (void)ParseHostsToml(text, "/dir");
    case 4:
      return (void)ParseAuthChallenges(text);
    default:
      return ReadLocation(text);
  }
}

}  // namespace
}  // namespace davit::images

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  davit::images::Read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
