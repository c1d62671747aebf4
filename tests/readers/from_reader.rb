#!/usr/bin/ruby
# from_reader.rb: reads a From field, in hexadecimal, from each line of standard input and prints a
# JSON list of [display name, address] as Ruby's mail has it.
require "json"
require "mail"

STDIN.each_line do |line|
  field = [line.chomp].pack("H*").force_encoding("UTF-8")
  field = field.force_encoding("ISO-8859-1").encode("UTF-8") unless field.valid_encoding?
  found = begin
    from = Mail::Message.new("From: " + field + "\r\n\r\n")[:from]
    if from.respond_to?(:addrs)
      from.addrs.map { |a| [a.display_name.to_s.scrub, a.address.to_s.scrub] }
    else
      []
    end
  rescue StandardError
    [] # it cannot read the field and shows nothing
  end
  puts JSON.generate(found)
end
