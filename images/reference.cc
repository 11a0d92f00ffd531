// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/reference.h"

#include <algorithm>

#include "images/digest.h"

namespace davit::images {
namespace {

constexpr std::string_view kDefaultHost = "docker.io";
constexpr std::string_view kLegacyDefaultHost = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxTagLength = 128;

// std::isalnum and its kin follow the locale; references do not.
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsAlnum(char c) {
  return IsLower(c) || IsUpper(c) || IsDigit(c);
}
bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

// Labels of letters, digits and inner dashes, between single dots.
bool IsDomainName(std::string_view name) {
  bool at_label_start = true;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '.' || c == '-') {
      bool at_label_end = i + 1 == name.size() || name[i + 1] == '.';
      if (at_label_start || (c == '-' && at_label_end)) return false;
      at_label_start = c == '.';
    } else {
      if (!IsAlnum(c)) return false;
      at_label_start = false;
    }
  }
  return !at_label_start;
}

bool IsHost(std::string_view host) {
  size_t name_end = host.find(':');
  if (host.starts_with('[')) {
    size_t close = host.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    if (!All(host.substr(1, close - 1), [](char c) { return IsHex(c) || c == ':'; })) return false;
    name_end = close + 1;
    if (name_end < host.size() && host[name_end] != ':') return false;
  } else if (!IsDomainName(host.substr(0, name_end))) {
    return false;
  }
  if (name_end >= host.size()) return true;
  std::string_view port = host.substr(name_end + 1);
  return !port.empty() && port.size() <= 5 && All(port, IsDigit);
}

// Lower-case letters and digits, with '.', '_', '__' or any number of '-' between them.
bool IsPathComponent(std::string_view component) {
  if (component.empty()) return false;
  for (size_t i = 0; i < component.size();) {
    size_t run = i;
    while (run < component.size() && (IsLower(component[run]) || IsDigit(component[run]))) ++run;
    if (run == i) return false;
    if (run == component.size()) return true;
    size_t separator = run;
    while (separator < component.size() && component[separator] == component[run]) ++separator;
    size_t length = separator - run;
    char c = component[run];
    bool valid = c == '-' || (c == '.' && length == 1) || (c == '_' && length <= 2);
    if (!valid) return false;
    i = separator;
  }
  return false;  // ends with a separator
}

bool IsRepository(std::string_view path) {
  for (size_t pos = 0; pos <= path.size();) {
    size_t end = std::min(path.find('/', pos), path.size());
    if (!IsPathComponent(path.substr(pos, end - pos))) return false;
    pos = end + 1;
  }
  return true;
}

bool IsTag(std::string_view tag) {
  auto inner = [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; };
  return !tag.empty() && tag.size() <= kMaxTagLength && tag[0] != '.' && tag[0] != '-' && All(tag, inner);
}

// A first component is a host when it could not be one of a repository path, or is "localhost".
bool LooksLikeHost(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:[") != std::string_view::npos ||
         std::any_of(first.begin(), first.end(), IsUpper);
}

void SplitHost(std::string_view name, Reference& reference) {
  size_t slash = name.find('/');
  if (slash != std::string_view::npos && LooksLikeHost(name.substr(0, slash))) {
    reference.host = name.substr(0, slash);
    reference.repository = name.substr(slash + 1);
  } else {
    reference.host = kDefaultHost;
    reference.repository = name;
  }
  if (reference.host == kLegacyDefaultHost) reference.host = kDefaultHost;
  if (reference.host == kDefaultHost && reference.repository.find('/') == std::string::npos) {
    reference.repository.insert(0, kOfficialPrefix);
  }
}

}  // namespace

std::string Reference::Normalised() const {
  return digest.empty() ? Name() + ":" + tag : Name() + "@" + digest;
}

std::string Reference::Familiar() const {
  std::string text = Normalised();
  std::string docker = std::string(kDefaultHost) + "/";
  if (!text.starts_with(docker)) return text;
  text.erase(0, docker.size());
  if (text.starts_with(kOfficialPrefix)) text.erase(0, kOfficialPrefix.size());
  return text;
}

Result<Reference> ParseReference(std::string_view text) {
  auto invalid = [text](std::string_view why) {
    constexpr size_t kShown = 300;
    return Fail(Code::kInvalidArgument, "parse image reference",
                "\"" + std::string(text.substr(0, kShown)) + "\"", why);
  };
  Reference reference;
  std::string_view name = text;
  if (size_t at = name.find('@'); at != std::string_view::npos) {
    reference.digest = name.substr(at + 1);
    if (!IsDigest(reference.digest)) return invalid("what follows '@' is no sha256 or sha512 digest");
    name = name.substr(0, at);
  }
  size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
    reference.tag = name.substr(colon + 1);
    if (!IsTag(reference.tag)) return invalid("malformed tag");
    name = name.substr(0, colon);
  }
  if (name.empty()) return invalid("no name");
  if (name.size() == 64 && All(name, [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); })) {
    return invalid("64 hexadecimal digits are an image id, not a name");
  }
  SplitHost(name, reference);
  if (!IsHost(reference.host)) return invalid("malformed host");
  if (std::any_of(reference.repository.begin(), reference.repository.end(), IsUpper)) {
    return invalid("upper-case letters in the repository");
  }
  if (!IsRepository(reference.repository)) return invalid("malformed repository");
  if (reference.Name().size() > kMaxNameLength) return invalid("a name longer than 255 characters");
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

}  // namespace davit::images
