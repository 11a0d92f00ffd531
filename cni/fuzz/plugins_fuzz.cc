// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a network configuration, as a plugin's answer and as a cached result. The first byte chooses.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "cni/plugin_config.h"
#include "cni/plugin_result.h"
#include "cni/result_cache.h"

namespace davit::cni {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

const PluginConfig& SomePlugin() {
  static const PluginConfig plugin{"a", R"({"cniVersion":"1.0.0","name":"pods","type":"a"})", {"mac"}};
  return plugin;
}

// What a plugin reads from us is an object, whatever it is made of.
void ReadInput(const PluginConfig& plugin, const std::string& previous) {
  const CapabilityArguments arguments = {{"mac", R"("02:00:00:00:00:01")"}, {"dns", previous}};
  Require(PluginInput(plugin, arguments, previous).starts_with('{'));
  Require(CollectInput(plugin, {"id"}, "eth0").starts_with('{'));
}

// What was accepted must be read the same way again: a pod is taken down by the recorded text.
void ReadList(const std::string& file, const std::string& text) {
  Result<PluginList> list = ParsePluginList(file, text);
  if (!list) return;
  Result<PluginList> again = ParsePluginList(list->file, list->text);
  Require(again && again->plugins.size() == list->plugins.size() && !list->plugins.empty());
  for (const PluginConfig& plugin : list->plugins) {
    Require(again->Has(plugin) && !plugin.type.contains('/'));
    ReadInput(plugin, "");
  }
}

void ReadResult(const std::string& text) {
  ReadInput(SomePlugin(), text);
  Result<std::vector<IpAddress>> addresses = AddressesInResult(text);
  if (addresses) Require(std::ranges::is_sorted(*addresses, {}, &IpAddress::family));
}

// What was read must be written by its parts.
void ReadCached(const std::string& text) {
  Result<CachedAttachment> cached = ParseCachedAttachment(text, "file");
  if (!cached) return;
  for (const auto& [name, value] : cached->capabilities) Require(!JsonOrNull(value).is_discarded());
  ReadInput(SomePlugin(), cached->result);
}

void Read(unsigned kind, const std::string& text) {
  if (kind == 'c') return ReadCached(text);
  switch (kind % 4) {
    case 0:
      return ReadList("10-pods.conflist", text);
    case 1:
      return ReadList("10-pods.conf", text);
    case 2:
      return ReadResult(text);
    default:
      Require(!PluginFailure("a", "ADD", text, "").context.empty());
  }
}

}  // namespace
}  // namespace davit::cni

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  davit::cni::Read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
