// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/config_hash.h"

#include <openssl/evp.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/compose/model/print.h"

namespace davit::cli::compose {
namespace {

using nlohmann::json;

json Digests(const Service& service, const char* section, const std::map<std::string, std::string>& texts) {
  json digests = json::object();
  const Value* files = service.definition.Find(section);
  if (files == nullptr) return digests;
  for (const Value& file : files->items) {
    auto text = texts.find(file.TextOf("source"));
    if (text != texts.end()) SetJsonMember(digests, text->first, Sha256Of(text->second));
  }
  return digests;
}

// Names at the node, by key, of what the service uses.
json Names(const Project& project, const Service& service) {
  json names = json::array();
  if (const Value* networks = service.definition.Find("networks"))
    for (const Member& member : networks->members)
      if (auto network = project.networks.find(member.key); network != project.networks.end())
        names.push_back(network->second.name);
  if (const Value* volumes = service.definition.Find("volumes"))
    for (const Value& item : volumes->items)
      if (auto volume = project.volumes.find(item.TextOf("source")); volume != project.volumes.end())
        names.push_back(volume->second.name);
  return names;
}

}  // namespace

std::string Sha256Of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (unsigned int i = 0; i < length; ++i) {
    digits += kDigits[digest[i] >> 4];
    digits += kDigits[digest[i] & 15];
  }
  return digits;
}

std::string ConfigHash(const Project& project, const Service& service, const Attachments& attachments) {
  Value definition = service.definition;
  for (const char* key : {"attach", "build", "depends_on", "links", "profiles", "pull_policy", "scale"})
    definition.Erase(key);
  if (Value* deploy = definition.Find("deploy")) deploy->Erase("replicas");
  json document = JsonOf(definition);
  SetJsonMember(document, "#names", Names(project, service));
  SetJsonMember(document, "#secrets", Digests(service, "secrets", attachments.secrets));
  SetJsonMember(document, "#configs", Digests(service, "configs", attachments.configs));
  return Sha256Of(PrintJson(document));
}

}  // namespace davit::cli::compose
