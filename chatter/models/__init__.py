from chatter.models.follower import Follower
from chatter.models.message import Message
from chatter.models.notification import Notification
from chatter.models.thread import Thread

__all__ = ["Follower", "Message", "Notification", "Thread"]
