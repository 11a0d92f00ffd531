// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

package apicompat

import (
	"fmt"
	"sort"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// facts maps the full name of a message, field, enum value or method to all that the wire, the JSON form or a generated
// client can see of it. The entries of maps are messages. Comments, order and options such as deprecation are no facts.
type facts map[protoreflect.FullName]string

func factsOf(file protoreflect.FileDescriptor) facts {
	f := facts{}
	f.addMessages(file.Messages())
	f.addEnums(file.Enums())
	f.addServices(file.Services())
	return f
}

func (f facts) addMessages(messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		message := messages.Get(i)
		f[message.FullName()] = "message"
		for j := range message.Fields().Len() {
			field := message.Fields().Get(j)
			f[field.FullName()] = describeField(field)
		}
		f.addMessages(message.Messages())
		f.addEnums(message.Enums())
	}
}

func (f facts) addEnums(enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		enum := enums.Get(i)
		for j := range enum.Values().Len() {
			value := enum.Values().Get(j)
			// By protobuf's scoping a value is a sibling of its enum. This name says whose it is.
			f[enum.FullName().Append(value.Name())] = fmt.Sprintf("value %d", value.Number())
		}
	}
}

func (f facts) addServices(services protoreflect.ServiceDescriptors) {
	for i := range services.Len() {
		service := services.Get(i)
		for j := range service.Methods().Len() {
			method := service.Methods().Get(j)
			f[method.FullName()] = fmt.Sprintf("rpc (%s%s) returns (%s%s)",
				stream(method.IsStreamingClient()), method.Input().FullName(),
				stream(method.IsStreamingServer()), method.Output().FullName())
		}
	}
}

func stream(yes bool) string {
	if yes {
		return "stream "
	}
	return ""
}

// describeField gives number, cardinality, type, JSON name, packing, presence and oneof.
func describeField(field protoreflect.FieldDescriptor) string {
	text := fmt.Sprintf("field %d: %s %s, json %s", field.Number(), field.Cardinality(), typeName(field), field.JSONName())
	if field.IsMap() {
		text += ", map"
	}
	if field.IsPacked() {
		text += ", packed"
	}
	if field.HasPresence() {
		text += ", presence"
	}
	if oneof := field.ContainingOneof(); oneof != nil {
		text += ", oneof " + string(oneof.Name())
	}
	return text
}

func typeName(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Message() != nil:
		return string(field.Message().FullName())
	case field.Enum() != nil:
		return string(field.Enum().FullName())
	}
	return field.Kind().String()
}

// compare returns a line for each fact that only one side has or that both tell differently, in order of names.
func compare(theirs, ours facts) []string {
	var differences []string
	for name, their := range theirs {
		if our, found := ours[name]; !found {
			differences = append(differences, fmt.Sprintf("%s: CRI has %q, we have nothing", name, their))
		} else if our != their {
			differences = append(differences, fmt.Sprintf("%s: CRI has %q, we have %q", name, their, our))
		}
	}
	for name, our := range ours {
		if _, found := theirs[name]; !found {
			differences = append(differences, fmt.Sprintf("%s: we have %q, CRI has nothing", name, our))
		}
	}
	sort.Strings(differences)
	return differences
}
